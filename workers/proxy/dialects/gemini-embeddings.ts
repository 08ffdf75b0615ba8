import { z } from 'zod'
import { smallBodyBytes } from '../limits.ts'
import { type Call, type Dialect, type Incoming, noConversation, type Reading } from './dialect.ts'
import { readUsage } from './gemini-usage.ts'
import { readJsonRequest } from './json-request.ts'
import { textsOf } from './prompt-texts.ts'
import { listOf, wholeMessageOf } from './proto-json.ts'

/** Only texts are embedded here: nothing bounds the tokens of what else a model may take. The path names the model, whatever `model` says. */
const EmbedRequest = wholeMessageOf({
  model: z.string().nullish(),
  content: wholeMessageOf({ role: z.string().nullish(), parts: listOf(wholeMessageOf({ text: z.string() })) }),
  taskType: z.string().nullish(),
  title: z.string().nullish(),
  outputDimensionality: z.int().min(1).nullish(),
})
type EmbedRequest = z.infer<typeof EmbedRequest>

const BatchRequest = wholeMessageOf({ model: z.string().nullish(), requests: listOf(EmbedRequest) })

/** A call of `embedContent` or `batchEmbedContents`. */
export interface EmbedCall extends Call {
  requests: EmbedRequest[]
}

/** Gemini's `embedContent`, as the reference of its API has it. */
export const geminiEmbed: Dialect<EmbedCall> = {
  ...commonOf('embedContent'),
  read: (incoming) => {
    const { body, relay } = readJsonRequest(incoming.bytes, EmbedRequest)
    return callOf(incoming, relay, [body])
  },
  ask: ({ requests: [request] }, upstreamModel) => askFor('embedContent', upstreamModel, { ...request, model: `models/${upstreamModel}` }),
}

/** `batchEmbedContents`, which Google's own client asks for, also for one text. */
export const geminiBatchEmbed: Dialect<EmbedCall> = {
  ...commonOf('batchEmbedContents'),
  read: (incoming) => {
    const { body, relay } = readJsonRequest(incoming.bytes, BatchRequest)
    return callOf(incoming, relay, body.requests)
  },
  ask: ({ requests }, upstreamModel) =>
    askFor('batchEmbedContents', upstreamModel, {
      requests: requests.map((request) => ({ ...request, model: `models/${upstreamModel}` })),
    }),
}

function commonOf(method: string): Omit<Dialect<EmbedCall>, 'read' | 'ask'> {
  return {
    speaks: 'gemini-embeddings',
    family: 'gemini',
    endpoint: `/v1beta/models/{model}:${method}`,
    mediaType: 'application/json',
    maxBodyBytes: smallBodyBytes,
    outputLimit: null,
    promptOf: ({ requests }) => textsOf(requests, new Set()),
    observe: readVectors,
    usagePaths: [['usageMetadata']],
  }
}

/** Written anew, of the fields that were read: none of them is longer than its text, and the model stands in each request of a batch. */
function askFor(method: string, upstreamModel: string, body: object): ReturnType<Dialect['ask']> {
  return { path: `/v1beta/models/${upstreamModel}:${method}`, headers: {}, body: JSON.stringify(body) }
}

function callOf({ bytes, pathModel }: Incoming, relay: Call['relay'], requests: EmbedRequest[]): EmbedCall {
  return {
    model: pathModel ?? '',
    answer: 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length,
    uncountedTokens: 0,
    choices: 1,
    maxOutputTokens: 0,
    extras: {},
    requires: [],
    toldUsage: null,
    conversation: noConversation,
    requests,
  }
}

const Anything = z.unknown().optional()
const Vectors = z.object({ embedding: Anything, embeddings: Anything, usageMetadata: Anything, error: Anything })

/** Vectors are no tokens: the prompt is all that is billed. Where its tokens are not reported, they are estimated from the body. */
function readVectors(reading: Reading, value: unknown): void {
  const vectors = Vectors.safeParse(value)
  if (!vectors.success) return
  const { embedding, embeddings, usageMetadata, error } = vectors.data
  if (error !== undefined && error !== null) reading.failed = true
  if (embedding || embeddings) reading.deliveredBytes = 1
  const usage = readUsage(usageMetadata, true)
  if (usage) reading.usage = { ...usage, outputTokens: 0 }
}
