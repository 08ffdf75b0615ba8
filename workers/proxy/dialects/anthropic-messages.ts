import { z } from 'zod'
import type { Prompt } from '../admission/count-tokens.ts'
import { imageTokens, instructionTokens, jsonBodyBytes } from '../limits.ts'
import { type Contents, contentsOf, memberOf } from './anthropic-content.ts'
import { anthropicHeaders } from './anthropic-headers.ts'
import { boundTools, Tool } from './anthropic-tools.ts'
import { readMessage } from './anthropic-usage.ts'
import { beginningOf } from './conversation-key.ts'
import type { Call, Dialect, Incoming, UpstreamAsk } from './dialect.ts'
import { setMembers } from './json-members.ts'
import { type JsonRequest, readJsonRequest } from './json-request.ts'
import { textsOf } from './prompt-texts.ts'

/** Anthropic's messages, as their API reference has them. */
export const anthropicMessages: Dialect<MessagesCall> = {
  speaks: 'anthropic-messages',
  family: 'anthropic',
  endpoint: '/v1/messages',
  mediaType: 'application/json',
  maxBodyBytes: jsonBodyBytes,
  outputLimit: 'max_tokens',
  read: readMessagesCall,
  ask: (call, upstreamModel) => ask(anthropicMessages.endpoint, call, upstreamModel),
  promptOf,
  observe: readMessage,
  isPreliminary: (event) => memberOf(event, 'type') === 'ping',
  brokenEvent: (message) => ({ name: 'error', data: JSON.stringify({ type: 'error', error: { type: 'api_error', message } }) }),
  usagePaths: [['usage']],
}

/** How many tokens a message would have: free, and as strict with what it refers to as the message itself. */
export const anthropicCountTokens: Dialect<MessagesCall> = {
  speaks: 'anthropic-messages',
  family: 'anthropic',
  endpoint: '/v1/messages/count_tokens',
  mediaType: 'application/json',
  maxBodyBytes: jsonBodyBytes,
  outputLimit: null,
  isFree: true,
  read: readCountCall,
  ask: (call, upstreamModel) => ask(anthropicCountTokens.endpoint, call, upstreamModel),
  observe: readMessage,
  usagePaths: [],
}

/** What would change a price, reach what our account keeps, or have work done that `usage` does not report. */
const Unsupported = z.null({ error: 'is not supported here' }).optional()
const ContextEdit = z.looseObject({ type: z.string().regex(/^(?!compact)/, 'compaction is not supported here') })

/** The fields that decide what a request may cost; all others go through untouched. */
const CountRequest = z.looseObject({
  model: z.string().min(1).max(256),
  messages: z.array(z.unknown()).min(1),
  system: z.unknown().optional(),
  tools: z.array(Tool).nullish(),
  output_config: z.looseObject({ format: z.unknown().optional() }).nullish(),
  output_format: z.unknown().optional(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  service_tier: z.enum(['auto', 'standard_only']).nullish(),
  speed: z.enum(['standard']).nullish(),
  context_management: z.looseObject({ edits: z.array(ContextEdit).nullish() }).nullish(),
  billing_policy: Unsupported,
  compaction: Unsupported,
  container: Unsupported,
  diagnostics: Unsupported,
  fallback_credit_token: Unsupported,
  fallbacks: Unsupported,
  inference_geo: Unsupported,
  mcp_servers: Unsupported,
  thread: Unsupported,
  user_profile_id: Unsupported,
  workspace_id: Unsupported,
})
const MessagesRequest = CountRequest.extend({ max_tokens: z.int().min(1), stream: z.boolean().nullish() })
type MessagesBody = z.infer<typeof CountRequest>

/** A request for a message or for its count, read once. */
export interface MessagesCall extends Call {
  headers: Record<string, string>
  /** The client asked with the query by which the official clients name betas. */
  isBeta: boolean
  /** The body as the client wrote it, and as it reads. */
  text: string
  body: MessagesBody
  images: ReadonlySet<unknown>
}

/** Reads a request for a message; throws 400 naming the field or header. */
export function readMessagesCall(incoming: Incoming): MessagesCall {
  const request = readJsonRequest(incoming.bytes, MessagesRequest)
  const { max_tokens, stream } = request.body
  return { ...readCall(incoming, request), answer: stream ? 'events' : 'json', maxOutputTokens: max_tokens }
}

function readCountCall(incoming: Incoming): MessagesCall {
  return { ...readCall(incoming, readJsonRequest(incoming.bytes, CountRequest)), requires: [] }
}

function readCall({ bytes, headers, url }: Incoming, { text, body, relay }: JsonRequest<MessagesBody>): MessagesCall {
  const contents = contentsOf(body.system, body.messages)
  const tools = boundTools(body.tools ?? [])
  const hasSchema = (body.output_config?.format ?? body.output_format ?? null) !== null
  const uncountedTokens = imageTokens * contents.images.size + tools.tokens + (hasSchema ? instructionTokens : 0)
  return {
    model: body.model,
    answer: 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length - contents.imageDataLength + uncountedTokens,
    uncountedTokens,
    choices: 1,
    maxOutputTokens: null,
    extras: tools.webSearches > 0 ? { webSearches: tools.webSearches } : {},
    requires: tools.webSearches > 0 ? ['webSearchNanos'] : [],
    toldUsage: null,
    conversation: conversationOf(body, contents),
    headers: anthropicHeaders(headers),
    isBeta: url.search === '?beta=true',
    text,
    body,
    images: contents.images,
  }
}

/** The first message and what stands before it are there from the first request on; a second message is not. */
function conversationOf({ metadata, system, messages }: MessagesBody, { isSigned }: Contents): Call['conversation'] {
  return {
    key: () => metadata?.user_id ?? beginningOf([system ?? '', messages[0] ?? '']),
    isBound: isSigned,
    previousAnswerId: null,
    isStored: false,
  }
}

/** The client's own text, with the upstream's name of the model in it. No key stands in it twice, so that it means what was bounded. */
function ask(endpoint: string, { body, text, headers, isBeta }: MessagesCall, upstreamModel: string): UpstreamAsk {
  const values = new Map(upstreamModel === body.model ? [] : [['model', JSON.stringify(upstreamModel)] as const])
  return { path: isBeta ? `${endpoint}?beta=true` : endpoint, headers, body: setMembers(text, values) }
}

function promptOf({ body, images }: MessagesCall): Prompt {
  return textsOf(body, images)
}
