import { z } from 'zod'
import type { CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { cliproxyLackOf } from '#shared/contracts/cliproxy.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import { upstreamRetryAfterMs } from '../limits.ts'
import { UpstreamFailure } from './failure.ts'

/** Longest answer read for its message, in bytes, and longest message passed on, in characters. */
const refusalBytes = 16_384
const messageLength = 500

/**
 * An upstream's refusal in our words. Its 401 and 403 are our fault, its texts may name our accounts, its waits may be absurd. A refusal is no work, so
 * another route may be asked, unless the request itself is wrong.
 */
export async function failureOf(response: Response, route: CatalogueRoute): Promise<UpstreamFailure> {
  const { status } = response
  const facts = { status, trace: traceOf(response, route), mayMoveOn: true }
  const isRequestFault = requestFaults.has(status)
  const mayLack = route.kind === 'cliproxyapi' && (status === 400 || status === 503)
  const message = isRequestFault || mayLack ? await messageIn(response) : undefined
  const lack = mayLack && message !== undefined ? cliproxyLackOf(message) : null
  // Google says of a wrong key that the request is wrong.
  const isKeyFault = route.kind === 'gemini' && /^API key (?:not valid|expired)/.test(message ?? '')
  if (isRequestFault && lack === null && !isKeyFault) {
    const told = new ApiError('upstream_refused', { status, message: message && redactMessage(message) })
    return new UpstreamFailure(told, { ...facts, outcome: 'refused', mayMoveOn: false })
  }
  await response.body?.cancel().catch(() => undefined)
  const coolMs = retryAfterMs(response)
  if (status === 401 || status === 403 || lack === 'credential' || isKeyFault) {
    return new UpstreamFailure(new ApiError('upstream_error'), { ...facts, outcome: 'unauthorized' })
  }
  // The route names a model that is not there, of which the client knows nothing.
  if (lack === 'model') return new UpstreamFailure(new ApiError('upstream_error'), { ...facts, outcome: 'failed' })
  if (status === 429)
    return new UpstreamFailure(new ApiError('upstream_rate_limited', { retryAfterMs: coolMs }), {
      ...facts,
      outcome: 'rate_limited',
      coolMs,
    })
  if (overloads.has(status)) {
    return new UpstreamFailure(new ApiError('upstream_unavailable', { retryAfterMs: coolMs }), { ...facts, outcome: 'overloaded', coolMs })
  }
  if (unreached.has(status)) return new UpstreamFailure(new ApiError('upstream_unavailable'), { ...facts, outcome: 'unreachable' })
  // A gateway that gave up waiting has passed the request on.
  if (waitedFor.has(status)) {
    return new UpstreamFailure(new ApiError('upstream_timeout'), { ...facts, outcome: 'timeout', mayMoveOn: false })
  }
  return new UpstreamFailure(new ApiError('upstream_error'), { ...facts, outcome: 'failed' })
}

/** CLIProxyAPI's own id of an attempt, to find it in its logs; undefined elsewhere. */
export function traceOf(response: Response, route: CatalogueRoute): string | undefined {
  const trace = route.kind === 'cliproxyapi' ? response.headers.get('x-cpa-trace-id') : null
  return trace !== null && /^[\w-]{1,128}$/.test(trace) ? trace : undefined
}

/** Statuses by which an upstream says that the request itself is wrong. */
const requestFaults = new Set([400, 413, 422])
/** Too busy: OpenAI and Gemini say 503, Anthropic 529. */
const overloads = new Set([503, 529])
/** The platform's own words for an origin that was never reached: refused, timed out, no route, no TLS, no address. */
const unreached = new Set([521, 522, 523, 525, 526, 530])
const waitedFor = new Set([408, 504, 524])

function retryAfterMs(response: Response): number | null {
  const header = response.headers.get('retry-after')
  const seconds = header === null ? Number.NaN : Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, upstreamRetryAfterMs) : null
}

const Failure = z.object({ error: z.object({ message: z.string() }) })
/** Where Gemini would stream an array, its failure stands in one too. */
const Envelope = z.union([Failure, z.tuple([Failure]).transform(([failure]) => failure)])

/** What an upstream says is wrong, in its own words. */
async function messageIn(response: Response): Promise<string | undefined> {
  const envelope = Envelope.safeParse(await readJson(response).catch(() => null))
  return envelope.success ? envelope.data.error.message : undefined
}

/** The answer's JSON; null for one too long, of which no more is read. */
async function readJson(response: Response): Promise<unknown> {
  const bytes = await readBoundedBody(response, refusalBytes)
  return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : null
}

/** A message without anything that looks like a key, an account, an address or a path. */
export function redactMessage(message: string): string {
  return shorten(message)
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[address]')
    .replace(/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b/g, '[address]')
    .replace(/\/v0\/\S*/gi, '[path]')
    .replace(/\S+@\S+\.\S+/g, '[account]')
    .replace(/\b(?:sk|pk|rk|rrk|key|org|proj|acct|user)[-_][\w*-]{4,}/gi, '[redacted]')
    .replace(/\b(?:Bearer\s+\S+|AIza[\w-]+|eyJ[\w.-]+|A[KS]IA[A-Z0-9]{12,})/gi, '[redacted]')
    .replace(/[\w+/=-]{32,}/g, '[redacted]')
}

/** Cut before the word that the limit goes through: half a secret no longer looks like one. */
function shorten(message: string): string {
  return message.length <= messageLength ? message : message.slice(0, messageLength).replace(/[!-~]+$/, '')
}
