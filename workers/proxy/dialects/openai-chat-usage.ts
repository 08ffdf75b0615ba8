import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { deliveredBytesOf } from './delivered-bytes.ts'
import type { Reading } from './dialect.ts'
import { parseData } from './stream-form.ts'
import { withoutAbsent } from './usage-buckets.ts'

const ReportedUsage = z.object({
  prompt_tokens: TokenCount,
  completion_tokens: TokenCount.nullish(),
  prompt_tokens_details: z
    .object({ cached_tokens: TokenCount.nullish(), cache_write_tokens: TokenCount.nullish(), audio_tokens: TokenCount.nullish() })
    .nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: TokenCount.nullish(), audio_tokens: TokenCount.nullish() }).nullish(),
})

const Anything = z.unknown().optional()

const Delta = z
  .object({
    content: Anything,
    refusal: Anything,
    reasoning: Anything,
    reasoning_content: Anything,
    function_call: Anything,
    tool_calls: z
      .array(z.object({ function: Anything, custom: Anything }).nullable().catch(null))
      .nullish()
      .catch(null),
  })
  .nullish()
  .catch(null)

const Choice = z
  .object({ delta: Delta, message: Delta, finish_reason: z.string().nullish().catch(null), usage: Anything })
  .nullable()
  .catch(null)

/** Each part is read for itself: a vendor's own form of one must not hide the usage beside it. */
const Answer = z.object({ usage: Anything, error: Anything, choices: z.array(Choice).nullish().catch(null) })

/** Adds a whole answer, or one chunk of a streamed one, to what is known. Later usage replaces earlier: it is cumulative. */
export function readAnswer(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { usage, error, choices } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  for (const choice of choices ?? []) {
    if (!choice) continue
    reading.finishReason = choice.finish_reason ?? reading.finishReason
    reading.deliveredBytes += deltaBytes(choice.delta) + deltaBytes(choice.message)
    reading.usage = readUsage(choice.usage) ?? reading.usage
  }
  reading.usage = readUsage(usage) ?? reading.usage
}

/**
 * OpenAI's `usage` in buckets that do not overlap: its prompt tokens include cached ones, its completion tokens include reasoning. Null for a
 * report that cannot be true: a text, a fraction, a negative or absurd number, more cached tokens than there are.
 */
export function readUsage(value: unknown): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  const { prompt_tokens, completion_tokens, prompt_tokens_details: input, completion_tokens_details: output } = reported.data
  const usage: Usage = {
    inputTokens: prompt_tokens - sum(input?.cached_tokens, input?.cache_write_tokens, input?.audio_tokens),
    cacheReadTokens: input?.cached_tokens ?? undefined,
    cacheWrite5mTokens: input?.cache_write_tokens ?? undefined,
    inputAudioTokens: input?.audio_tokens || undefined,
    outputTokens: typeof completion_tokens === 'number' ? completion_tokens - sum(output?.audio_tokens) : undefined,
    outputAudioTokens: output?.audio_tokens || undefined,
    reasoningTokens: output?.reasoning_tokens ?? undefined,
  }
  return (usage.inputTokens ?? 0) < 0 || (usage.outputTokens ?? 0) < 0 ? null : withoutAbsent(usage)
}

function sum(...counts: (number | null | undefined)[]): number {
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0)
}

const UsageChunk = z.object({ usage: z.object({}), choices: z.array(z.unknown()).max(0), error: Anything })

/** Whether a chunk's data is the usage chunk that OpenAI sends at the end of a stream: with no choice in it, and no error that must be shown. */
export function isUsageChunk(data: string): boolean {
  if (!data.includes('"usage"') || data.includes('"usage":null')) return false
  const chunk = UsageChunk.safeParse(parseData(data))
  return chunk.success && (chunk.data.error ?? null) === null
}

function deltaBytes(delta: z.infer<typeof Delta>): number {
  if (!delta) return 0
  const { content, refusal, reasoning, reasoning_content, function_call, tool_calls } = delta
  const calls = (tool_calls ?? []).map((call) => call?.function ?? call?.custom)
  const outputs = [content, refusal, reasoning_content ?? reasoning, function_call, ...calls]
  return outputs.reduce((bytes: number, output) => bytes + deliveredBytesOf(output), 0)
}
