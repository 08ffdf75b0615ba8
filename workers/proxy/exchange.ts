import type { Family } from '#shared/contracts/dialect.ts'
import type { RequestFacts } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { Surroundings } from './env.ts'

/** One request on its way through the relay. */
export interface Exchange {
  requestId: string
  startedAtMs: number
  request: Request
  /** Whose client it is. */
  family: Family
  clientIp: string
  surroundings: Surroundings
  /** Keeps work going after the answer, and for a while after the client has left. */
  waitUntil(work: Promise<unknown>): void
}

export function beginExchange(request: Request, family: Family, surroundings: Surroundings, waitUntil: Exchange['waitUntil']): Exchange {
  const startedAtMs = Date.now()
  const clientIp = request.headers.get('cf-connecting-ip') ?? 'unknown'
  return { requestId: newId('req', startedAtMs), startedAtMs, request, family, clientIp: printable(clientIp, 64), surroundings, waitUntil }
}

/** The diagnostics of a request: metadata only. */
export function factsOf(exchange: Exchange, details: { keyId: string; model: string; priceVersionId: string; path: string }): RequestFacts {
  return {
    ...details,
    requestId: exchange.requestId,
    method: exchange.request.method,
    clientIp: exchange.clientIp,
    userAgent: printable(exchange.request.headers.get('user-agent') ?? '', 256),
    startedAtMs: exchange.startedAtMs,
  }
}

/** Printable ASCII only, cut to a length: what a client writes in a header goes into logs and queue messages. */
function printable(text: string, length: number): string {
  return text.slice(0, length).replace(/[^\x20-\x7e]/g, '?')
}
