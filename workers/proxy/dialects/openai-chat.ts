import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { imageTokens, requestFields } from '../limits.ts'
import { memberText, setMembers } from './json-members.ts'

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
  images: number
  bodyBytes: number
  /** The body as the client sent it, and as it reads. */
  text: string
  body: z.infer<typeof ChatRequest>
}

/** Reads a request body; throws 400 in OpenAI's terms, naming the parameter. */
export function readChatCall(bytes: Uint8Array): ChatCall {
  const text = decodeUtf8(bytes)
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && Object.keys(value).length > requestFields) {
    throw new ApiError('invalid_request', { message: `The request has more than ${requestFields} fields.` })
  }
  const result = ChatRequest.safeParse(value)
  if (!result.success) throw invalidParameter(result.error)
  const body = result.data
  const stream = body.stream ?? false
  if (body.stream_options && !stream) {
    throw new ApiError('invalid_request', { param: 'stream_options', message: 'stream_options is only allowed with stream: true.' })
  }
  if (typeof body.max_tokens === 'number' && typeof body.max_completion_tokens === 'number') {
    throw new ApiError('invalid_request', { param: 'max_tokens', message: 'Send max_completion_tokens or max_tokens, not both.' })
  }
  const images = countImages(body.messages)
  return {
    model: body.model,
    stream,
    showsUsage: body.stream_options?.include_usage === true,
    choices: body.n ?? 1,
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    inputTokensBound: bytes.length + imageTokens * images,
    images,
    bodyBytes: bytes.length,
    text,
    body,
  }
}

/**
 * The body for the upstream: the client's own text, with the upstream's name of the model and, in a stream, the question for usage set in it. No key
 * stands in it twice, so that an upstream that reads the first of two cannot be asked for more than what was bounded.
 */
export function upstreamChatBody(call: ChatCall, upstreamModel: string): string {
  const values = new Map<string, string>()
  if (upstreamModel !== call.model) values.set('model', JSON.stringify(upstreamModel))
  if (call.stream && !call.showsUsage) {
    const options = call.body.stream_options ? memberText(call.text, 'stream_options') : null
    values.set('stream_options', setMembers(options ?? '{}', new Map([['include_usage', 'true']])))
  }
  return setMembers(call.text, values)
}

/** What the images of a call can count as input tokens at most. */
export function imageTokensOf(call: ChatCall): number {
  return imageTokens * call.images
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
function countImages(messages: unknown[]): number {
  let images = 0
  for (const [index, message] of messages.entries()) {
    const content = fieldOf(message, 'content')
    if (typeof content !== 'object' || content === null) continue
    if (!Array.isArray(content)) throw unsupportedContent(index, 'is neither a text nor a list of parts')
    for (const part of content as unknown[]) {
      const type = fieldOf(part, 'type')
      if (type === 'image_url') images += 1
      else if (typeof type !== 'string') throw unsupportedContent(index, 'has a part without a type')
      else if (!boundedParts.has(type)) throw unsupportedContent(index, `has a part of type '${type.slice(0, 64)}'`)
    }
  }
  return images
}

function fieldOf(value: unknown, key: 'content' | 'type'): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function unsupportedContent(index: number, fault: string): ApiError {
  return new ApiError('invalid_request', {
    param: `messages.${index}.content`,
    message: `The content of message ${index} ${fault}, which is not supported here.`,
  })
}

/** Parts whose tokens are fewer than their bytes. */
const boundedParts = new Set(['text', 'refusal', 'input_audio'])
