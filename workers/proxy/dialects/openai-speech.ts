import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { estimatedSpeechLength, smallBodyBytes } from '../limits.ts'
import { type Call, type Dialect, type Incoming, noConversation, type Reading } from './dialect.ts'
import { setMembers } from './json-members.ts'
import { readJsonRequest } from './json-request.ts'
import { brokenEvent } from './openai-events.ts'

/**
 * OpenAI's speech. A model with a price a character is charged for the characters that it was given, however it answers. One without is charged by the
 * tokens that it reports, which only events do: as plain audio it is not sold.
 */
export const openaiSpeech: Dialect<SpeechCall> = {
  speaks: 'openai-speech',
  family: 'openai',
  endpoint: '/v1/audio/speech',
  mediaType: 'application/json',
  maxBodyBytes: smallBodyBytes,
  outputLimit: null,
  read: readSpeechCall,
  ask: ({ text }, upstreamModel) => ({
    path: '/v1/audio/speech',
    headers: {},
    body: setMembers(text, new Map([['model', JSON.stringify(upstreamModel)]])),
  }),
  observe: readSpeech,
  brokenEvent,
  usagePaths: [['usage']],
}

export interface SpeechCall extends Call {
  /** The body as the client wrote it. */
  text: string
}

const SpeechRequest = z.looseObject({
  model: z.string().min(1).max(256),
  input: z.string().min(1),
  stream_format: z.enum(['audio', 'sse']).nullish(),
})

function readSpeechCall({ bytes }: Incoming): SpeechCall {
  const { text, body, relay } = readJsonRequest(bytes, SpeechRequest)
  const isMedia = body.stream_format !== 'sse'
  const characters = [...body.input].length
  return {
    model: body.model,
    answer: isMedia ? 'media' : 'events',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: isMedia ? 0 : bytes.length,
    uncountedTokens: 0,
    choices: 1,
    maxOutputTokens: isMedia ? 0 : null,
    extras: { characters, audio: true },
    requires: isMedia ? ['characterPicos'] : [],
    toldUsage: { characters },
    estimate: ({ inputTokens, outputTokens }) => ({ inputTokens, outputTokens: 0, outputAudioTokens: outputTokens }),
    conversation: noConversation,
    text,
  }
}

const Anything = z.unknown().optional()
const Event = z.object({ type: Anything, audio: Anything, usage: Anything, error: Anything })

function readSpeech(reading: Reading, value: unknown): void {
  const event = Event.safeParse(value)
  if (!event.success) return
  const { type, audio, usage, error } = event.data
  if (error !== undefined && error !== null) reading.failed = true
  if (typeof audio === 'string') reading.deliveredBytes += Math.ceil(audio.length / estimatedSpeechLength)
  if (type === 'speech.audio.done') reading.finishReason = 'stop'
  reading.usage = readUsage(usage) ?? reading.usage
}

const ReportedUsage = z.object({ input_tokens: TokenCount, output_tokens: TokenCount })

/** What comes out is sound, all of it. */
function readUsage(value: unknown): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  return { inputTokens: reported.data.input_tokens, outputTokens: 0, outputAudioTokens: reported.data.output_tokens }
}
