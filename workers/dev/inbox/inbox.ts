import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { sendJson } from '../json-http.ts'

/** One delivery as it came. */
export interface Received {
  /** What stands behind `/hooks/`. */
  name: string
  at: string
  headers: Record<string, string>
  body: string
  /** What it was answered; null: nothing yet. */
  status: number | null
}

/** The oldest of more are forgotten. */
const keptDeliveries = 500
const maxBodyBytes = 1_000_000

/**
 * Where webhooks can be sent while one tries them out: takes whatever is posted to `/hooks/<name>`, shows it on a page, and tells it at `/api/received/<name>`.
 * `?answer=500` answers that status instead of 204, and `?answer=never` nothing. The caller starts and closes the server.
 */
export function createInbox(): Server {
  const received: Received[] = []
  return createServer((request, response) => {
    answer(received, request, response).catch((error: unknown) => sendJson(response, 500, { error: String(error) }))
  })
}

async function answer(received: Received[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://inbox')
  const [, room = '', name = ''] = /^\/(hooks|api\/received)\/([\w-]{1,100})$/.exec(url.pathname) ?? []
  if (room === 'hooks' && request.method === 'POST') return take(received, name, url, request, response)
  if (request.method !== 'GET') return sendJson(response, 405, { error: 'Webhooks are posted to /hooks/<name>.' })
  if (room === 'api/received') return sendJson(response, 200, { received: received.filter((each) => each.name === name) })
  if (url.pathname !== '/') return sendJson(response, 404, { error: 'There are /, /hooks/<name> and /api/received/<name>.' })
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(pageOf(received))
}

async function take(received: Received[], name: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readText(request)
  if (body === null) return sendJson(response, 413, { error: `A delivery has at most ${maxBodyBytes} bytes.` })
  const headers = Object.fromEntries(Object.entries(request.headers).map(([header, value]) => [header, String(value)]))
  const wanted = url.searchParams.get('answer') ?? '204'
  const status = /^[2-5]\d\d$/.test(wanted) ? Number(wanted) : null
  received.push({ name, at: new Date().toISOString(), headers, body, status })
  if (received.length > keptDeliveries) received.shift()
  if (status !== null) response.writeHead(status).end()
}

async function readText(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function pageOf(received: Received[]): string {
  const deliveries = received.toReversed().map(
    ({
      name,
      at,
      headers,
      body,
      status,
    }) => `<details><summary>${escapeHtml(at)} <b>${escapeHtml(name)}</b> ${status ?? 'unanswered'}</summary>
<pre>${escapeHtml(
      Object.entries(headers)
        .filter(([header]) => header.startsWith('webhook-'))
        .map(([header, value]) => `${header}: ${value}`)
        .join('\n'),
    )}\n\n${escapeHtml(body)}</pre></details>`,
  )
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Webhook inbox</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}pre{overflow-x:auto}</style>
<h1>Webhook inbox</h1>${deliveries.join('\n') || '<p>Nothing has come yet. Set a webhook endpoint to <code>/hooks/&lt;any name&gt;</code> at this address.</p>'}`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
