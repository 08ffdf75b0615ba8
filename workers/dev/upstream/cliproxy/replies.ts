import type { Exchange } from '../exchange.ts'
import type { Credential } from './state.ts'

/** Headers of every answer, a provider's included. */
export function setHeaders({ response }: Exchange): void {
  response.setHeader('X-Cpa-Version', 'v7.3.4')
  response.setHeader('X-Cpa-Commit', '8335eac')
  response.setHeader('X-Cpa-Build-Date', '2026-09-15T14:07:06Z')
  response.setHeader('Access-Control-Allow-Origin', '*')
}

/** Time, credential and request of an answer that a credential was chosen for; gives back the id of the request. */
export function setTrace({ record, response }: Exchange, { authIndex }: Credential): string {
  const time = new Date(record.receivedAt).toISOString().replace(/\D/g, '').slice(0, 14)
  const requestId = record.id.toString(16).padStart(8, '0')
  response.setHeader('X-Cpa-Trace-Id', `${time}-${authIndex}-${requestId}`)
  return requestId
}

export function answerJson(exchange: Exchange, status: number, body: unknown): void {
  exchange.answer(status, ['content-type', 'application/json; charset=utf-8'], JSON.stringify(body))
}

/** What the real one's router says of a path or method it does not have. */
export function answerNotFound(exchange: Exchange): void {
  exchange.answer(404, [], '')
}
