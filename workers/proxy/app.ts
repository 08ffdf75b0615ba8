import { type Context, Hono } from 'hono'
import type { Family } from '#shared/contracts/dialect.ts'
import { newId } from '#shared/values/id.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { readKeyStatus } from './caller/key-status.ts'
import { listModels, showModel } from './catalogue/models.ts'
import { anthropicCountTokens, anthropicMessages } from './dialects/anthropic-messages.ts'
import type { Call, Dialect } from './dialects/dialect.ts'
import { geminiCountTokens, geminiGenerate, geminiStream } from './dialects/gemini-content.ts'
import { geminiBatchEmbed, geminiEmbed } from './dialects/gemini-embeddings.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { openaiEmbeddings } from './dialects/openai-embeddings.ts'
import { imageEdits, imageGenerations } from './dialects/openai-images.ts'
import { openaiModerations } from './dialects/openai-moderations.ts'
import { openaiResponses } from './dialects/openai-responses.ts'
import { openaiSpeech } from './dialects/openai-speech.ts'
import { openaiTranscriptions } from './dialects/openai-transcriptions.ts'
import { type Env, surroundingsOf } from './env.ts'
import { beginExchange, type Exchange } from './exchange.ts'
import { relay } from './relay.ts'
import { readRequestStatus } from './request-status.ts'

type ProxyContext = Context<{ Bindings: Env }>
type Pipeline = (exchange: Exchange) => Promise<Response>

/** Every endpoint that relays, by its path. A dialect of Gemini's is found by the method behind the model's name instead. */
const dialects: Record<string, Dialect> = {
  '/v1/chat/completions': openaiChat,
  '/v1/responses': openaiResponses,
  '/v1/messages': anthropicMessages,
  '/v1/messages/count_tokens': anthropicCountTokens,
  '/v1/embeddings': openaiEmbeddings,
  '/v1/images/generations': imageGenerations,
  '/v1/images/edits': imageEdits,
  '/v1/audio/speech': openaiSpeech,
  '/v1/audio/transcriptions': openaiTranscriptions,
  '/v1/moderations': openaiModerations,
}
const geminiMethods: Record<string, Dialect> = {
  generateContent: geminiGenerate,
  streamGenerateContent: geminiStream,
  countTokens: geminiCountTokens,
  embedContent: geminiEmbed,
  batchEmbedContents: geminiBatchEmbed,
}

/** What answers without an upstream. */
const reads: Record<string, Pipeline> = {
  '/healthz': () => Promise.resolve(Response.json({ status: 'ok' })),
  '/v1/models': listModels,
  '/v1beta/models': listModels,
  '/v1/key': readKeyStatus,
}

/** The public edge. Each route is one pipeline; every answer carries our request id, and every error is in the words of the client's family. */
export const app = new Hono<{ Bindings: Env }>()
for (const [path, dialect] of Object.entries(dialects)) {
  app.post(path, (c) => answer(c, (exchange) => relay(exchange, dialect)))
  app.all(path, (c) => answer(c, refuseMethod('POST')))
}
for (const [path, pipeline] of Object.entries(reads)) {
  app.get(path, (c) => answer(c, pipeline))
  app.all(path, (c) => answer(c, refuseMethod('GET')))
}
app.get('/v1/requests/:id', (c) => answer(c, (exchange) => readRequestStatus(exchange, c.req.param('id'))))
app.get('/v1/models/:model', (c) => answer(c, (exchange) => showModel(exchange, c.req.param('model'))))
app.get('/v1beta/models/:model', (c) => answer(c, (exchange) => showModel(exchange, c.req.param('model'))))
// Google's clients call either version.
app.post('/v1beta/models/:call', (c) => answer(c, (exchange) => relayGemini(exchange, c.req.param('call'))))
app.post('/v1/models/:call', (c) => answer(c, (exchange) => relayGemini(exchange, c.req.param('call'))))
app.notFound((c) => answer(c, refuseUrl))
app.onError((error) => render(error, 'openai', newId('req')))

/** Runs a pipeline for one request. */
async function answer(c: ProxyContext, pipeline: Pipeline): Promise<Response> {
  const family = familyOf(c.req.raw, c.req.path)
  const exchange = beginExchange(c.req.raw, family, surroundingsOf(c.env), (work) => c.executionCtx.waitUntil(work))
  try {
    return identified(await pipeline(exchange), family, exchange.requestId)
  } catch (error) {
    return render(error, family, exchange.requestId)
  }
}

/** Turns what a pipeline throws into an answer: the one place that does. */
function render(error: unknown, family: Family, requestId: string): Response {
  if (!(error instanceof ApiError)) logFailure('unexpected_error', error, { requestId })
  const told = error instanceof ApiError ? error : new ApiError('internal_error')
  return identified(told.toResponse(family, requestId), family, requestId)
}

/** Each family's clients look for the request id under a name of their own. */
function identified(response: Response, family: Family, requestId: string): Response {
  response.headers.set(family === 'anthropic' ? 'request-id' : 'x-request-id', requestId)
  response.headers.set('x-relay-request-id', requestId)
  return response
}

/** Whose client this is: by the path, and where families share one, by the header that only Anthropic's or only Google's clients send. */
function familyOf(request: Request, path: string): Family {
  if (path.startsWith('/v1beta/') || (request.method === 'POST' && path.startsWith('/v1/models/'))) return 'gemini'
  if (path.startsWith('/v1/messages')) return 'anthropic'
  if (!path.startsWith('/v1/models')) return 'openai'
  if (request.headers.has('anthropic-version')) return 'anthropic'
  return request.headers.has('x-goog-api-key') ? 'gemini' : 'openai'
}

/** `{model}:{method}`, as Google's APIs write a call of a resource. */
function relayGemini(exchange: Exchange, call: string): Promise<Response> {
  const [, model = '', method = ''] = /^([\w.-]{1,128}):(\w{1,64})$/.exec(call) ?? []
  const dialect = Object.hasOwn(geminiMethods, method) ? geminiMethods[method] : undefined
  return dialect ? relay<Call>(exchange, dialect, model) : refuseUrl()
}

function refuseMethod(allowed: string): Pipeline {
  return () => Promise.reject(new ApiError('method_not_allowed', { headers: { allow: allowed } }))
}

function refuseUrl(): Promise<Response> {
  return Promise.reject(new ApiError('unknown_url'))
}
