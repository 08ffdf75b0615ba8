import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { imageTokens } from '../limits.ts'

/** The path of this dialect at an upstream, after the base URL of its route. */
export const openaiChatPath = '/v1/chat/completions'

/** The fields of a chat completion request that decide what it may cost; all others go through untouched. */
const ChatRequest = z.looseObject({
  model: z.string().min(1).max(256),
  messages: z.array(z.unknown()).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  // What follows would change the price of a token, keep prompts at the provider, or bill per call.
  service_tier: z.enum(['auto', 'default']).nullish(),
  store: z.literal(false).nullish(),
  web_search_options: z.undefined().optional(),
})

/** A chat completion request, read once. */
export interface ChatCall {
  model: string
  stream: boolean
  /** The client itself asked for the usage chunk of a stream. */
  showsUsage: boolean
  choices: number
  /** What the client asked for, each choice; null leaves it to the model. */
  maxOutputTokens: number | null
  /** No request of these bytes has more input tokens: a token stands for at least one byte, an image for a bounded number. */
  inputTokensBound: number
  bodyBytes: number
  /** The body as the client sent it, and as it reads. */
  text: string
  body: z.infer<typeof ChatRequest>
}

/** Reads a request body; throws 400 in OpenAI's terms, naming the parameter. */
export function readChatCall(bytes: Uint8Array): ChatCall {
  const text = decodeUtf8(bytes)
  const result = ChatRequest.safeParse(parseJson(text))
  if (!result.success) throw invalidParameter(result.error)
  const body = result.data
  const stream = body.stream ?? false
  if (body.stream_options && !stream) {
    throw new ApiError('invalid_request', { param: 'stream_options', message: 'stream_options is only allowed with stream: true.' })
  }
  if (typeof body.max_tokens === 'number' && typeof body.max_completion_tokens === 'number') {
    throw new ApiError('invalid_request', { param: 'max_tokens', message: 'Send max_completion_tokens or max_tokens, not both.' })
  }
  return {
    model: body.model,
    stream,
    showsUsage: body.stream_options?.include_usage === true,
    choices: body.n ?? 1,
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    inputTokensBound: bytes.length + imageTokens * countImages(text, body.messages),
    bodyBytes: bytes.length,
    text,
    body,
  }
}

/**
 * The body for the upstream: the client's own text, with the upstream's name of the model and, in a stream, the question for usage spliced in. Only
 * where a splice would be ambiguous is the body written anew.
 */
export function upstreamChatBody(call: ChatCall, upstreamModel: string): string {
  const asksUsage = !call.stream || call.showsUsage
  if (asksUsage && upstreamModel === call.model) return call.text
  const renamed = spliceModel(call.text, upstreamModel)
  if (renamed !== null) {
    if (asksUsage) return renamed
    if (call.body.stream_options === undefined && !renamed.includes('"stream_options"')) {
      return renamed.replace('{', '{"stream_options":{"include_usage":true},')
    }
  }
  const body = { ...call.body, model: upstreamModel }
  if (call.stream) body.stream_options = { ...body.stream_options, include_usage: true }
  return JSON.stringify(body)
}

/** Replaces the value of `"model"` when that key stands in the text exactly once, and so at the top level; else null. */
function spliceModel(text: string, upstreamModel: string): string | null {
  const at = text.indexOf('"model"')
  if (at === -1 || text.indexOf('"model"', at + 1) !== -1) return null
  const value = /^"model"\s*:\s*"(?:[^"\\]|\\.)*"/.exec(text.slice(at, at + 2_000))
  if (!value) return null
  return `${text.slice(0, at)}"model":${JSON.stringify(upstreamModel)}${text.slice(at + value[0].length)}`
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // A byte order mark is kept, so that JSON.parse refuses it as RFC 8259 allows.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ApiError('invalid_json')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError('invalid_json')
  }
}

function invalidParameter(error: z.ZodError): ApiError {
  const issue = error.issues[0]
  const param = issue?.path.join('.') || undefined
  return new ApiError('invalid_request', {
    param,
    message: `Invalid ${param ? `value for '${param}'` : 'request body'}: ${issue?.message}.`,
  })
}

/** Counts the images of a request; refuses parts whose tokens nothing bounds, such as files. */
function countImages(text: string, messages: unknown[]): number {
  if (!text.includes('"type"')) return 0
  let images = 0
  for (const [index, message] of messages.entries()) {
    const content: unknown = typeof message === 'object' && message !== null && 'content' in message ? message.content : null
    if (!Array.isArray(content)) continue
    for (const part of content as unknown[]) {
      const type: unknown = typeof part === 'object' && part !== null && 'type' in part ? part.type : undefined
      if (type === 'image_url') images += 1
      else if (typeof type !== 'string' || !boundedParts.has(type)) {
        throw new ApiError('invalid_request', {
          param: `messages.${index}.content`,
          message: `Content parts of type '${String(type)}' are not supported here.`,
        })
      }
    }
  }
  return images
}

/** Parts whose tokens are fewer than their bytes. */
const boundedParts = new Set(['text', 'refusal', 'input_audio'])
