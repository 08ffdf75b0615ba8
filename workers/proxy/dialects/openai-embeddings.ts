import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import type { Prompt } from '../admission/count-tokens.ts'
import { smallBodyBytes } from '../limits.ts'
import { type Call, type Dialect, type Incoming, noConversation, type Reading } from './dialect.ts'
import { setMembers } from './json-members.ts'
import { readJsonRequest } from './json-request.ts'

/** OpenAI's embeddings. They have input only: no output is held for, estimated or billed. */
export const openaiEmbeddings: Dialect<EmbeddingsCall> = {
  speaks: 'openai-embeddings',
  family: 'openai',
  endpoint: '/v1/embeddings',
  mediaType: 'application/json',
  maxBodyBytes: smallBodyBytes,
  outputLimit: null,
  read: readEmbeddingsCall,
  ask: ({ text }, upstreamModel) => ({
    path: '/v1/embeddings',
    headers: {},
    body: setMembers(text, new Map([['model', JSON.stringify(upstreamModel)]])),
  }),
  promptOf: ({ prompt }) => prompt,
  observe: readEmbeddings,
  usagePaths: [['usage']],
}

export interface EmbeddingsCall extends Call {
  /** The body as the client wrote it. */
  text: string
  prompt: Prompt
}

const EmbeddingsRequest = z.looseObject({
  model: z.string().min(1).max(256),
  input: z.unknown().refine(isTextOrTokens, 'expected a text, tokens, or a list of either'),
})

function readEmbeddingsCall({ bytes }: Incoming): EmbeddingsCall {
  const { text, body, relay } = readJsonRequest(bytes, EmbeddingsRequest)
  const inputs = [body.input].flat(2)
  const texts = inputs.filter((input) => typeof input === 'string')
  const tokens = inputs.length - texts.length
  return {
    model: body.model,
    answer: 'json',
    relay,
    bodyBytes: bytes.length,
    // A given token is one, and none of a text is shorter than a byte.
    inputTokensBound: texts.length === 0 ? tokens : bytes.length,
    uncountedTokens: tokens,
    choices: 1,
    maxOutputTokens: 0,
    extras: {},
    requires: [],
    toldUsage: null,
    estimate: ({ inputTokens }) => ({ inputTokens, outputTokens: 0 }),
    conversation: noConversation,
    text,
    prompt: { texts, frames: texts.length },
  }
}

/** Whether nothing in an input could have more tokens than bytes, as a picture named by its address could. */
function isTextOrTokens(input: unknown): boolean {
  if (!Array.isArray(input)) return typeof input === 'string'
  return input.length > 0 && input.every((item) => isScalar(item) || (Array.isArray(item) && item.every(isScalar)))
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number'
}

const ReportedUsage = z.object({ prompt_tokens: TokenCount })
const Anything = z.unknown().optional()
const Answer = z.object({ usage: Anything, error: Anything, data: z.array(z.unknown()).nullish().catch(null) })

function readEmbeddings(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { usage, error, data } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  if (data && data.length > 0) {
    // Vectors are no text: that there are any is what the charge rests on.
    reading.deliveredBytes = 1
    reading.finishReason = 'stop'
  }
  reading.usage = readUsage(usage) ?? reading.usage
}

function readUsage(value: unknown): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  return reported.success ? { inputTokens: reported.data.prompt_tokens, outputTokens: 0 } : null
}
