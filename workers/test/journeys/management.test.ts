import { request as openRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Family } from '#shared/contracts/dialect.ts'
import { managementKey } from '#workers/dev/upstream/cliproxy/management.ts'
import { chatBody } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'
import { hiddenPaths, pathModels, spoofsWith } from './management-spellings.ts'
import { allTruthSince, truthSince } from './truth.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'] as const
const spoofs = spoofsWith(managementKey)
/** Requests under way at once, so that the whole takes seconds. */
const atOnce = 8

interface Knock {
  method: string
  path: string
  spoof: Record<string, string>
}

let customer: Customer
beforeAll(async () => {
  customer = await newCustomer()
})

/** Whatever a test here asked, no upstream heard of it, and least of all a management plane. */
afterAll(async () => {
  const all = await allTruthSince(customer.createdAtMs)
  expect(all.filter(({ behaviour }) => behaviour === 'management')).toEqual([])
})

test('no spelling of a management path, method or header reaches anything', async () => {
  const knocks = knocksOnEveryDoor()
  expect(new Set(knocks.map((knock) => JSON.stringify(knock))).size).toBeGreaterThan(200)
  const ids: string[] = []
  for (let start = 0; start < knocks.length; start += atOnce) {
    const answers = await Promise.all(knocks.slice(start, start + atOnce).map(async (knock) => ({ knock, answer: await raw(knock) })))
    for (const { knock, answer } of answers) ids.push(expectRefusal(knock, answer))
  }
  expect(new Set(ids).size).toBe(knocks.length)
  const asked = await truthSince(customer.createdAtMs)
  expect(asked.filter(({ relayRequestId }) => ids.includes(relayRequestId ?? ''))).toEqual([])
}, 120_000)

test('a model whose name looks like a path is a model that is not there', async () => {
  for (const model of pathModels) {
    const answer = await customer.chat('', { model })
    expect([answer.status, await answer.json()], model).toMatchObject([404, { error: { code: 'model_not_found', param: 'model' } }])
  }
})

test.each([
  ['CONNECT to the plane', 'CONNECT 127.0.0.1:8317 HTTP/1.1'],
  ['CONNECT to a path', 'CONNECT /v0/management/config HTTP/1.1'],
  ['an absolute address of ours', 'GET http://127.0.0.1/v0/management/config HTTP/1.1'],
  ['an absolute address of the upstream', () => `GET ${inject('stack').upstreamUrl}/cliproxy/v0/management/config HTTP/1.1`],
  ['an absolute address with a name', 'POST http://user:pass@localhost/v0/management HTTP/1.1'],
  ['a null byte', 'GET /v0/management\0 HTTP/1.1'],
  ['a tab', 'GET /v0\t/management HTTP/1.1'],
  ['a target without a slash', 'GET v0/management HTTP/1.1'],
  ['a star', 'OPTIONS * HTTP/1.1'],
  ['another protocol', 'PING\r\nAUTH x'],
  ['a target with a backslash at its head', 'GET \\v0/management HTTP/1.1'],
])('a request line with %s is not served', async (_, line) => {
  const text = await speak(typeof line === 'string' ? line : line())
  // The platform answers some of these before any Worker, hangs up on what is no HTTP, and locally says 500 to CONNECT.
  if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 (4\d\d|500) /)
  expect(text).not.toMatch(/auth_index|api-keys|sk-/)
})

test('the proxied model is served as before', async () => {
  const answer = await customer.chat('', { model: 'claude-relay-proxied' })
  expect([answer.status, answer.headers.get('x-relay-upstream')]).toEqual([200, 'cliproxy'])
  await answer.text()
  await expectSoundBooks(customer)
})

/** Every path with two of the methods and the headers in turn, and the plain path with all of both. */
function knocksOnEveryDoor(): Knock[] {
  const each = hiddenPaths.flatMap((path, index) =>
    [index, index + 3].map((turn) => ({
      method: methods[turn % methods.length] ?? 'GET',
      path,
      spoof: spoofs[turn % spoofs.length] ?? {},
    })),
  )
  const plain = methods.flatMap((method) => spoofs.map((spoof) => ({ method, path: '/v0/management/usage-queue', spoof })))
  return [...each, ...plain]
}

/** The answer is the client's fault, in the words of its family, and has an id; answers the id. */
function expectRefusal({ method, path, spoof }: Knock, { status, body, headers }: RawAnswer): string {
  const what = `${method} ${path} ${JSON.stringify(spoof)}`
  expect([400, 401, 404, 405], `${what}: ${status}`).toContain(status)
  const requestId = String(headers['x-relay-request-id'])
  expect(requestId, what).toMatch(/^req_/)
  const family = familyOf(method, path, spoof)
  expect(headers[family === 'anthropic' ? 'request-id' : 'x-request-id'], what).toBe(requestId)
  if (method !== 'HEAD') expect(JSON.parse(body), what).toMatchObject(envelopes[family])
  expect(body, what).not.toMatch(/auth_index|sk-|management/)
  return requestId
}

const message = expect.any(String)
const envelopes: Record<Family, object> = {
  openai: { error: { message, type: expect.any(String), code: expect.any(String) } },
  anthropic: { type: 'error', error: { type: expect.any(String), message } },
  gemini: { error: { code: expect.any(Number), message, status: expect.stringMatching(/^[A-Z_]+$/) } },
}

/** Whose client knocks, by the address as any server must read it (RFC 3986, "Remove Dot Segments"). */
function familyOf(method: string, path: string, spoof: Record<string, string>): Family {
  const { pathname } = new URL(`http://relay${path}`)
  if (pathname.startsWith('/v1beta/') || (method === 'POST' && pathname.startsWith('/v1/models/'))) return 'gemini'
  if (pathname.startsWith('/v1/messages')) return 'anthropic'
  return pathname.startsWith('/v1/models') && 'anthropic-version' in spoof ? 'anthropic' : 'openai'
}

interface RawAnswer {
  status: number
  body: string
  headers: Record<string, string | string[] | undefined>
}

/** Sends a path as it is written: fetch would tidy it first, and knows no TRACE. */
function raw({ method, path, spoof }: Knock): Promise<RawAnswer> {
  const { hostname, port } = new URL(inject('stack').proxyUrl)
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? JSON.stringify(chatBody('fast')) : ''
  const headers = { authorization: `Bearer ${customer.apiKey}`, ...(body && { 'content-type': 'application/json' }), ...spoof }
  return new Promise((resolve, reject) => {
    const request = openRequest({ hostname, port, method, path, headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString(), headers: response.headers }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Sends a request line that no HTTP client would, and answers all that came back until the far side hung up or had nothing more to say. */
function speak(line: string): Promise<string> {
  const { hostname, port } = new URL(inject('stack').proxyUrl)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setTimeout(5_000, () => socket.destroy())
    socket.on('data', (part) => {
      text += part.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
    socket.write(`${line}\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${managementKey}\r\nconnection: close\r\n\r\n`)
  })
}
