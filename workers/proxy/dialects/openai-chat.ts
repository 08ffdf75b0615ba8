import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { imageTokens, jsonBodyBytes } from '../limits.ts'
import { beginningOf } from './conversation-key.ts'
import type { Call, Dialect, Incoming, UpstreamAsk } from './dialect.ts'
import { memberText, setMembers } from './json-members.ts'
import { readJsonRequest } from './json-request.ts'
import { promptOf } from './openai-chat-prompt.ts'
import { isUsageChunk, readAnswer } from './openai-chat-usage.ts'

/** OpenAI's chat completions, as their API reference has them. */
export const openaiChat: Dialect<ChatCall> = {
  speaks: 'openai-chat',
  family: 'openai',
  endpoint: '/v1/chat/completions',
  mediaType: 'application/json',
  maxBodyBytes: jsonBodyBytes,
  outputLimit: 'max_tokens',
  read: readChatCall,
  ask: askChat,
  promptOf: ({ body }) => promptOf(body),
  observe: readAnswer,
  // Clients look for a choice in every chunk, and the chunk with the usage has none.
  hides: ({ answer, showsUsage }) => (answer === 'events' && !showsUsage ? isUsageChunk : null),
  brokenEvent: (message) => ({
    data: JSON.stringify({
      error: { message, type: 'api_error', param: null, code: 'upstream_broken' },
      choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
    }),
  }),
  usagePaths: [['usage']],
}

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
  modalities: z.array(z.string()).nullish(),
  prompt_cache_key: z.string().nullish(),
})

/** A chat completion request, read once. */
export interface ChatCall extends Call {
  /** The client itself asked for the usage chunk of a stream. */
  showsUsage: boolean
  /** The body as the client wrote it, and as it reads. */
  text: string
  body: ChatBody
}

export type ChatBody = z.infer<typeof ChatRequest>

/** Reads a request body; throws 400 in OpenAI's terms, naming the parameter. */
export function readChatCall({ bytes }: Pick<Incoming, 'bytes'>): ChatCall {
  const { text, body, relay } = readJsonRequest(bytes, ChatRequest)
  const isStream = body.stream ?? false
  if (body.stream_options && !isStream) {
    throw new ApiError('invalid_request', { param: 'stream_options', message: 'stream_options is only allowed with stream: true.' })
  }
  if (typeof body.max_tokens === 'number' && typeof body.max_completion_tokens === 'number') {
    throw new ApiError('invalid_request', { param: 'max_tokens', message: 'Send max_completion_tokens or max_tokens, not both.' })
  }
  const { images, hasAudio } = countParts(body.messages)
  const speaks = body.modalities?.includes('audio') ?? false
  return {
    model: body.model,
    answer: isStream ? 'events' : 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length + imageTokens * images,
    uncountedTokens: imageTokens * images,
    choices: body.n ?? 1,
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    extras: { audio: hasAudio || speaks },
    requires: [...(hasAudio ? (['inputAudioPicos'] as const) : []), ...(speaks ? (['outputAudioPicos'] as const) : [])],
    toldUsage: null,
    conversation: {
      key: () => body.prompt_cache_key ?? beginningOf(body.messages),
      isBound: false,
      previousAnswerId: null,
      isStored: false,
    },
    showsUsage: body.stream_options?.include_usage === true,
    text,
    body,
  }
}

/**
 * The client's own text, with the upstream's name of the model and, in a stream, the question for usage set in it. No key stands in it twice, so that
 * an upstream that reads the first of two cannot be asked for more than what was bounded.
 */
export function askChat(call: ChatCall, upstreamModel: string): UpstreamAsk {
  const values = new Map<string, string>()
  if (upstreamModel !== call.body.model) values.set('model', JSON.stringify(upstreamModel))
  if (call.answer === 'events' && !call.showsUsage) {
    const options = call.body.stream_options ? memberText(call.text, 'stream_options') : null
    values.set('stream_options', setMembers(options ?? '{}', new Map([['include_usage', 'true']])))
  }
  return { path: openaiChat.endpoint, headers: {}, body: setMembers(call.text, values) }
}

/** Counts the images of a request and looks for audio; refuses parts whose tokens nothing bounds, such as files. */
function countParts(messages: unknown[]): { images: number; hasAudio: boolean } {
  let images = 0
  let hasAudio = false
  for (const [index, message] of messages.entries()) {
    const content = fieldOf(message, 'content')
    if (typeof content !== 'object' || content === null) continue
    if (!Array.isArray(content)) throw unsupportedContent(index, 'is neither a text nor a list of parts')
    for (const part of content as unknown[]) {
      const type = fieldOf(part, 'type')
      if (type === 'input_audio') hasAudio = true
      if (type === 'image_url') images += 1
      else if (typeof type !== 'string') throw unsupportedContent(index, 'has a part without a type')
      else if (!boundedParts.has(type)) throw unsupportedContent(index, `has a part of type '${type.slice(0, 64)}'`)
    }
  }
  return { images, hasAudio }
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
