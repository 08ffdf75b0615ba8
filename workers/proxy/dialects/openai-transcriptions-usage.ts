import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { deliveredBytesOf } from './delivered-bytes.ts'
import type { Reading } from './dialect.ts'

const Anything = z.unknown().optional()
const Answer = z.object({ delta: Anything, text: Anything, usage: Anything, duration: Anything, error: Anything })

/** Adds a whole transcript, or one event of a streamed one, to what is known. */
export function readTranscript(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { delta, text, usage, duration, error } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  reading.deliveredBytes += deliveredBytesOf(delta)
  if (typeof text === 'string') {
    // The last event, and each speaker's part, repeats what the deltas said.
    reading.deliveredBytes = Math.max(reading.deliveredBytes, deliveredBytesOf(text))
    // An empty transcript is one of silence.
    reading.finishReason = 'stop'
  }
  reading.usage = readTranscriptUsage(usage) ?? reading.usage ?? readTranscriptUsage({ seconds: duration })
}

/** A day and a bit of sound; more is not meant. */
const Seconds = z.number().min(0).max(1_000_000)
const ReportedSeconds = z.object({ seconds: Seconds })
const ReportedTokens = z.object({
  input_tokens: TokenCount,
  output_tokens: TokenCount,
  input_token_details: z.object({ text_tokens: TokenCount.nullish(), audio_tokens: TokenCount.nullish() }).nullish(),
})

/** The sound that was heard, in milliseconds or in tokens apart from those of text. Null for a report that cannot be true. */
export function readTranscriptUsage(value: unknown): Usage | null {
  const timed = ReportedSeconds.safeParse(value)
  // To the microsecond first, so that no error of binary fractions is rounded up.
  if (timed.success) return { audioMs: Math.ceil(Number((timed.data.seconds * 1_000).toFixed(3))), outputTokens: 0 }
  const counted = ReportedTokens.safeParse(value)
  if (!counted.success) return null
  const { input_tokens, output_tokens, input_token_details: details } = counted.data
  // Without details it is sound: that is what was sent.
  const audioTokens = details?.audio_tokens ?? input_tokens - (details?.text_tokens ?? 0)
  if (audioTokens < 0 || audioTokens > input_tokens) return null
  return { inputTokens: input_tokens - audioTokens, inputAudioTokens: audioTokens, outputTokens: output_tokens }
}
