import { type IncomingHttpHeaders, request } from 'node:http'
import type { TruthRecord, Upstream } from './server.ts'

export const testKey = 'sk-scripted-upstream'
export const chatPath = '/openai/v1/chat/completions'

/** What came over the wire, unparsed; `ended` tells a proper end from a cut. */
export type RawAnswer = { status: number; headers: IncomingHttpHeaders; bytes: Buffer; text: string; chunks: number; ended: 'end' | 'cut' }

export type RawRequest = {
  path?: string
  method?: string
  headers?: Record<string, string | string[]>
  /** The key in the provider's own header; OpenAI's unless given. */
  credentials?: Record<string, string>
  body?: unknown
  leaveAfterBytes?: number
}

/** One request without any client's help. Rejects when the connection ends before the headers. */
export function send(
  url: string,
  { path = chatPath, method = 'POST', headers, credentials, body, leaveAfterBytes }: RawRequest,
): Promise<RawAnswer> {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : body === undefined ? '' : JSON.stringify(body)
  const usual = {
    ...(credentials ?? { authorization: `Bearer ${testKey}` }),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(payload)),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { method, headers: { ...usual, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (leaveAfterBytes !== undefined && size >= leaveAfterBytes) outgoing.destroy()
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        const bytes = Buffer.concat(chunks)
        const { statusCode: status = 0, headers, complete } = response
        resolve({ status, headers, bytes, text: bytes.toString('utf8'), chunks: chunks.length, ended: complete ? 'end' : 'cut' })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(payload)
  })
}

export function chatBody(model: string, text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model, messages: [{ role: 'user', content: text }], ...more }
}

/** A streamed chat that asks for usage. */
export const streamed = { stream: true, stream_options: { include_usage: true } }

/** Waits until the one request with this relay id has ended. */
export async function endedRecord(upstream: Upstream, relayRequestId: string): Promise<TruthRecord> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const [record] = upstream.records({ relayRequestId })
    if (record && record.outcome !== 'running') return record
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`no ended record of ${relayRequestId}`)
}

/** The payloads of the events, read as the server-sent events specification says. */
export function readEvents(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length))
}

/** One form without any client's help. */
export async function sendForm(url: string, path: string, fields: readonly (readonly [string, string | File])[]): Promise<RawAnswer> {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  const encoded = new Response(form)
  const headers = { 'content-type': encoded.headers.get('content-type') ?? '' }
  return send(url, { path, headers, body: Buffer.from(await encoded.arrayBuffer()) })
}
