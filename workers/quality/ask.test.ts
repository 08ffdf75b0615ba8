import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ask } from './ask.ts'

let server: Server
let url = ''
/** What the far side answers; null for silence. */
let script: { status: number; body: string } | null = null
let asked: { method: string | undefined; headers: Record<string, unknown> }[] = []

beforeAll(async () => {
  server = createServer(({ method, headers }, response) => {
    asked.push({ method, headers })
    if (script) response.writeHead(script.status, { location: '/elsewhere' }).end(script.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on TCP has an address of this shape.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const question = { key: 'sk-quality', answer: z.object({ ok: z.literal(true) }), timeoutMs: 5_000, maxBytes: 1_000 }
const envelope = (message: string) => JSON.stringify({ error: { message } })

async function faultOf(status: number, body = '{}') {
  script = { status, body }
  return (await ask({ ...question, url })).fault
}

test.each([
  ['credentials', 401, '{"error":"Invalid API key"}'],
  ['credentials', 403, ''],
  ['credentials', 503, envelope('auth_unavailable: no auth available')],
  ['credentials', 503, envelope('auth_not_found: no auth candidates')],
  ['overloaded', 503, envelope('The model says auth_unavailable: no')],
  ['overloaded', 529, ''],
  ['missing', 400, envelope('unknown provider for model m')],
  ['failed', 400, envelope('The model m is an unknown provider for model m')],
  ['cooling', 429, envelope('All credentials for model m are cooling down')],
  ['timeout', 504, ''],
  ['unreachable', 522, ''],
  ['failed', 500, envelope('unknown provider for model m')],
  ['failed', 302, ''],
  ['malformed', 200, '<html>'],
  ['malformed', 200, ''],
  ['malformed', 200, envelope('sorry')],
  ['malformed', 200, `{"ok":true,"more":"${'x'.repeat(2_000)}"}`],
] as const)('is %s: status %i', async (kind, status, body) => {
  expect(await faultOf(status, body)).toEqual({ kind, status })
})

test('silence is a timeout, and a port where nobody listens is unreachable', async () => {
  script = null
  expect((await ask({ ...question, url, timeoutMs: 50 })).fault).toEqual({ kind: 'timeout', status: null })
  expect((await ask({ ...question, url: 'http://127.0.0.1:1' })).fault).toEqual({ kind: 'unreachable', status: null })
})

test('without a key nothing is asked, and it is our credentials that are at fault', async () => {
  asked = []
  expect((await ask({ ...question, url, key: undefined })).fault).toEqual({ kind: 'credentials', status: null })
  expect(asked).toEqual([])
})

test('a good answer is parsed; the key goes where CLIProxyAPI takes it, and nothing tells of a customer', async () => {
  asked = []
  script = { status: 200, body: '{"ok":true}' }
  expect(await ask({ ...question, url, body: { a: 1 } })).toEqual({ answer: { ok: true }, fault: null })
  expect(asked).toMatchObject([{ method: 'POST', headers: { authorization: 'Bearer sk-quality', 'content-type': 'application/json' } }])
  expect(asked[0]?.headers).not.toHaveProperty('x-request-id')
})
