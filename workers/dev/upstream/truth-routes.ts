import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { GroundTruth } from './ground-truth.ts'

const usualLimit = 1_000
const keyPath = /^\/_truth\/keys\/([\w.-]+)$/

/** Serves the ground truth to tests: `/_truth/requests` (GET, DELETE) and `/_truth/summary`; what tests say of customers' keys; and the switch of CLIProxyAPI. */
export function answerTruth(request: IncomingMessage, response: ServerResponse, truth: GroundTruth): void {
  const url = new URL(request.url ?? '', 'http://upstream')
  const key = keyPath.exec(url.pathname)?.[1]
  const operation = `${request.method} ${url.pathname}`
  if (operation === 'GET /_truth/requests') sendJson(response, 200, { requests: truth.records(filterOf(url.searchParams)) })
  else if (operation === 'GET /_truth/summary') sendJson(response, 200, truth.summary())
  else if (operation === 'DELETE /_truth/requests') {
    truth.clear()
    response.writeHead(204).end()
  } else if (operation === 'POST /_truth/cliproxy') {
    setState(request, response, { set: (json) => truth.cliproxy.set(json), expected: '{"missing"?: string[], "down"?: boolean}' })
  } else if (request.method === 'PUT' && key !== undefined) {
    const set = (json: string): boolean => truth.customerKeys.register(key, json)
    setState(request, response, { set, expected: registration })
  } else sendJson(response, 404, { error: `No such operation: ${operation}` })
}

const registration = '{"state": "active" | "revoked" | "rate_limited", "provider"?: string, "retryAfterSeconds"?: number}'

type Setting = { set(json: string): boolean; expected: string }

function setState(request: IncomingMessage, response: ServerResponse, { set, expected }: Setting): void {
  text(request).then(
    (json) => {
      if (set(json)) response.writeHead(204).end()
      else sendJson(response, 400, { error: `Expected ${expected}.` })
    },
    () => response.destroy(),
  )
}

function filterOf(query: URLSearchParams): Parameters<GroundTruth['records']>[0] {
  return {
    relayRequestId: query.get('relayRequestId') ?? undefined,
    model: query.get('model') ?? undefined,
    keyHash: query.get('keyHash') ?? undefined,
    since: numberOf(query.get('since')),
    limit: numberOf(query.get('limit')) ?? usualLimit,
  }
}

function numberOf(text: string | null): number | undefined {
  const value = text === null || text === '' ? Number.NaN : Number(text)
  return Number.isNaN(value) ? undefined : value
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
