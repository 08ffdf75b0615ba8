import type { CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { upstreamHeadersMs, upstreamRetryAfterMs } from '../limits.ts'
import { refusalMessage } from './refusal.ts'

export interface UpstreamRequest {
  route: CatalogueRoute
  /** Constant path of the dialect; nothing of the client's path or query reaches an upstream. */
  path: string
  credential: string
  body: string
  stream: boolean
  requestId: string
}

export interface UpstreamAnswer {
  response: Response
  /** Cuts the connection: for a stream nobody wants any more. */
  cancel(): void
}

/** The one place that calls an upstream. Returns its answer when that is a success; throws an `ApiError` in our own words otherwise. */
export async function callUpstream(request: UpstreamRequest): Promise<UpstreamAnswer> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new ApiError('upstream_timeout')), upstreamHeadersMs)
  try {
    const response = await fetch(request.route.baseUrl + request.path, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${request.credential}`,
        'content-type': 'application/json',
        accept: request.stream ? 'text/event-stream' : 'application/json',
        'user-agent': 'rocket-relay',
        'x-request-id': request.requestId,
      },
      body: request.body,
      signal: controller.signal,
    })
    if (response.status !== 200) throw await refusalOf(response)
    return { response, cancel: () => controller.abort() }
  } catch (error) {
    if (error instanceof ApiError) throw error
    logFailure('upstream_unreachable', error, { requestId: request.requestId, route: request.route.routeId })
    throw new ApiError('upstream_unavailable')
  } finally {
    clearTimeout(timer)
  }
}

/** An upstream's refusal in our words. Its 401 and 403 are our fault, its texts may name our accounts, its waits may be absurd. */
async function refusalOf(response: Response): Promise<ApiError> {
  const { status } = response
  if (requestFaults.has(status)) return new ApiError('upstream_refused', { status, message: await refusalMessage(response) })
  await response.body?.cancel()
  if (status === 429) return new ApiError('upstream_rate_limited', { retryAfterMs: retryAfterMs(response) })
  if (status === 503 || status === 529) return new ApiError('upstream_unavailable', { retryAfterMs: retryAfterMs(response) })
  if (status === 504) return new ApiError('upstream_timeout')
  return new ApiError('upstream_error')
}

/** Statuses by which an upstream says that the request itself is wrong. */
const requestFaults = new Set([400, 413, 422])

function retryAfterMs(response: Response): number | null {
  const header = response.headers.get('retry-after')
  const seconds = header === null ? Number.NaN : Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, upstreamRetryAfterMs) : null
}
