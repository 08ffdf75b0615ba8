import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { conversationKeyLength, imageTokens, jsonBodyBytes, webSearchesMost, webSearchTokens } from '../limits.ts'
import type { Call, Dialect, Incoming, UpstreamAsk } from './dialect.ts'
import { setMembers } from './json-members.ts'
import { readJsonRequest } from './json-request.ts'
import { listOf, memberOf, openingOf, readInput } from './openai-responses-input.ts'
import { promptOf } from './openai-responses-prompt.ts'
import { readAnswer } from './openai-responses-usage.ts'

/** OpenAI's responses, as their API reference has them. */
export const openaiResponses: Dialect<ResponsesCall> = {
  speaks: 'openai-responses',
  family: 'openai',
  endpoint: '/v1/responses',
  mediaType: 'application/json',
  maxBodyBytes: jsonBodyBytes,
  outputLimit: 'max_output_tokens',
  read: readResponsesCall,
  ask: askResponses,
  promptOf: ({ body }) => promptOf(body),
  observe: readAnswer,
  isPreliminary: (event) => preliminary.has(memberOf(event, 'type')),
  // Official clients take the event only with the id and the next number of the response that was begun.
  brokenEvent: (message, { answerId, lastNumber = -1 }) => ({
    name: 'response.failed',
    data: JSON.stringify({
      type: 'response.failed',
      sequence_number: lastNumber + 1,
      response: {
        id: answerId ?? 'resp_unknown',
        object: 'response',
        status: 'failed',
        error: { code: 'server_error', message },
        incomplete_details: null,
        output: [],
        usage: null,
      },
    }),
  }),
  usagePaths: [['response', 'usage'], ['usage']],
}

const preliminary = new Set<unknown>(['response.created', 'response.queued', 'response.in_progress'])

const sharedAccount = 'is not supported here, because it is kept in an account that customers share: '

/** The fields of a request that decide what it may cost and whose data it reaches; all others go through untouched. */
const ResponsesRequest = z.looseObject({
  model: z.string().min(1).max(256),
  input: z.union([z.string(), z.array(z.unknown())], { error: 'is neither a text nor a list of items' }).nullish(),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({}).nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  tools: z.array(z.unknown()).nullish(),
  previous_response_id: z.string().min(1).max(256).nullish(),
  store: z.boolean().nullish(),
  prompt_cache_key: z.string().nullish(),
  conversation: z.null({ error: `${sharedAccount}send its items as input, or continue a response with previous_response_id` }).optional(),
  prompt: z.null({ error: `${sharedAccount}send its text as instructions and input` }).optional(),
  background: z.literal(false, { error: 'is not supported here: send the request with stream: true and read on' }).nullish(),
  // What follows would change the price of a token, or read the input more than once.
  service_tier: z.enum(['auto', 'default']).nullish(),
  reasoning: z.looseObject({ mode: z.literal('standard').nullish() }).nullish(),
  context_management: z.array(z.unknown()).max(0, { error: 'is not supported here: shorten the input yourself' }).nullish(),
})

/** A request for a response, read once. */
export interface ResponsesCall extends Call {
  /** The body as the client wrote it, and as it reads. */
  text: string
  body: ResponsesBody
}

export type ResponsesBody = z.infer<typeof ResponsesRequest>

/** Reads a request body; throws 400 in OpenAI's terms, naming the parameter. */
export function readResponsesCall({ bytes }: Pick<Incoming, 'bytes'>): ResponsesCall {
  const { text, body, relay } = readJsonRequest(bytes, ResponsesRequest)
  const isStream = body.stream ?? false
  if (body.stream_options && !isStream) {
    throw new ApiError('invalid_request', { param: 'stream_options', message: 'stream_options is only allowed with stream: true.' })
  }
  const { images, hasAudio, searches, isBound } = readInput(listOf(body.input), listOf(body.tools))
  const webSearches = searches ? searchesOf(body) : 0
  const uncountedTokens = imageTokens * images + webSearchTokens * webSearches
  return {
    model: body.model,
    answer: isStream ? 'events' : 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length + uncountedTokens,
    uncountedTokens,
    choices: 1,
    maxOutputTokens: body.max_output_tokens ?? null,
    extras: { audio: hasAudio, webSearches },
    requires: [...(hasAudio ? (['inputAudioPicos'] as const) : []), ...(searches ? (['webSearchNanos'] as const) : [])],
    toldUsage: null,
    conversation: {
      key: () => body.prompt_cache_key ?? (openingOf(body.input ?? '', conversationKeyLength) || null),
      isBound,
      previousAnswerId: body.previous_response_id ?? null,
      isStored: body.store !== false,
    },
    text,
    body,
  }
}

/** How many searches the request may cause: all calls of tools that the provider runs, and it runs no others. */
function searchesOf({ max_tool_calls }: ResponsesBody): number {
  const searches = max_tool_calls ?? webSearchesMost
  if (searches <= webSearchesMost) return searches
  const message = `max_tool_calls is too large: ${searches}. With web search it is at most ${webSearchesMost}.`
  throw new ApiError('invalid_request', { param: 'max_tool_calls', message })
}

/** The client's own text, with the upstream's name of the model and, where the web is searched, the limit that was held for. */
export function askResponses({ text, body, extras }: ResponsesCall, upstreamModel: string): UpstreamAsk {
  const values = new Map<string, string>()
  if (upstreamModel !== body.model) values.set('model', JSON.stringify(upstreamModel))
  const { webSearches = 0 } = extras
  if (webSearches > 0 && webSearches !== body.max_tool_calls) values.set('max_tool_calls', String(webSearches))
  return { path: openaiResponses.endpoint, headers: {}, body: setMembers(text, values) }
}
