import { type Context, Hono } from 'hono'
import { newId } from '#shared/values/id.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { relayChatCompletion } from './chat-completions.ts'
import { type Env, surroundingsOf } from './env.ts'
import { beginExchange, type Exchange } from './exchange.ts'
import { readKeyStatus } from './key-status.ts'
import { listModels } from './models.ts'

type ProxyContext = Context<{ Bindings: Env }>

/** The public edge. Each route is one pipeline; every answer carries our request id. */
export const app = new Hono<{ Bindings: Env }>()
  .get('/healthz', (c) => answer(c, () => Promise.resolve(Response.json({ status: 'ok' }))))
  .post('/v1/chat/completions', (c) => answer(c, relayChatCompletion))
  .get('/v1/models', (c) => answer(c, listModels))
  .get('/v1/key', (c) => answer(c, readKeyStatus))
  .all('/v1/chat/completions', (c) => answer(c, refuseMethod('POST')))
  .all('/v1/models', (c) => answer(c, refuseMethod('GET')))
  .all('/v1/key', (c) => answer(c, refuseMethod('GET')))
  .notFound((c) => answer(c, refuseUrl))
  .onError((error) => render(error, newId('req')))

/** Runs a pipeline for one request. */
async function answer(c: ProxyContext, pipeline: (exchange: Exchange) => Promise<Response>): Promise<Response> {
  const exchange = beginExchange(c.req.raw, surroundingsOf(c.env), (work) => c.executionCtx.waitUntil(work))
  try {
    const response = await pipeline(exchange)
    response.headers.set('x-request-id', exchange.requestId)
    return response
  } catch (error) {
    return render(error, exchange.requestId)
  }
}

/** Turns what a pipeline throws into an answer: the one place that does. */
function render(error: unknown, requestId: string): Response {
  if (!(error instanceof ApiError)) logFailure('unexpected_error', error, { requestId })
  const response = (error instanceof ApiError ? error : new ApiError('internal_error')).toResponse()
  response.headers.set('x-request-id', requestId)
  return response
}

function refuseMethod(allowed: string): () => Promise<Response> {
  return () => Promise.reject(new ApiError('method_not_allowed', { headers: { allow: allowed } }))
}

function refuseUrl(): Promise<Response> {
  return Promise.reject(new ApiError('unknown_url'))
}
