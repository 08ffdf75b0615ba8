import type { CatalogueRoute } from '#db/queries/read-catalogue.ts'
import type { Family } from '#shared/contracts/dialect.ts'
import { openaiCompatible } from '#shared/contracts/provider-credential.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { UpstreamAsk } from '../dialects/dialect.ts'
import { upstreamHeadersMs } from '../limits.ts'
import { UpstreamFailure } from './failure.ts'
import { failureOf, traceOf } from './refusal.ts'

export interface UpstreamRequest {
  route: CatalogueRoute
  family: Family
  /** Null when the Worker has none of this name. */
  credential: string | null
  ask: UpstreamAsk
  accept: string
  requestId: string
}

export interface UpstreamAnswer {
  response: Response
  /** The upstream's own id of the attempt, where its kind has one worth keeping. */
  trace: string | undefined
  /** Cuts the connection: for a stream nobody wants any more. */
  cancel(): void
}

/** The one place that calls an upstream. Returns its answer when that is a success; throws an `UpstreamFailure` otherwise. */
export async function callUpstream({ route, family, credential, ask, accept, requestId }: UpstreamRequest): Promise<UpstreamAnswer> {
  if (credential === null)
    throw new UpstreamFailure(new ApiError('upstream_unavailable'), { outcome: 'unauthorized', status: null, mayMoveOn: true })
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(timeout()), upstreamHeadersMs)
  try {
    const response = await fetch(urlOf(route, ask), {
      method: 'POST',
      redirect: 'manual',
      headers: {
        ...ask.headers,
        ...keyHeader(route.kind === 'cliproxyapi' ? 'openai' : family, credential),
        // The boundary of a form is the platform's to choose.
        ...(typeof ask.body === 'string' && { 'content-type': 'application/json' }),
        accept,
        'user-agent': 'rocket-relay',
        'x-request-id': requestId,
      },
      body: ask.body,
      signal: controller.signal,
    })
    if (response.status !== 200) throw await failureOf(response, route)
    return { response, trace: traceOf(response, route), cancel: () => controller.abort() }
  } catch (error) {
    if (error instanceof UpstreamFailure) throw error
    logFailure('upstream_unreachable', error, { requestId, route: route.routeId })
    // The connection may have been lost after the request had left, so the upstream may be at work. One that was never made is a status: 52x.
    throw new UpstreamFailure(new ApiError('upstream_unavailable'), { outcome: 'unreachable', status: null, mayMoveOn: false })
  } finally {
    clearTimeout(timer)
  }
}

/** A customer's own provider is named with its version, as OpenAI's clients are told it. */
function urlOf({ baseUrl, byok }: CatalogueRoute, { path }: UpstreamAsk): string {
  return baseUrl + (byok === openaiCompatible ? path.replace(/^\/v1/, '') : path)
}

/** Where each family takes a key. CLIProxyAPI takes it as OpenAI does, whatever is asked. */
function keyHeader(family: Family, credential: string): Record<string, string> {
  if (family === 'anthropic') return { 'x-api-key': credential }
  if (family === 'gemini') return { 'x-goog-api-key': credential }
  return { authorization: `Bearer ${credential}` }
}

function timeout(): UpstreamFailure {
  return new UpstreamFailure(new ApiError('upstream_timeout'), { outcome: 'timeout', status: null, mayMoveOn: false })
}
