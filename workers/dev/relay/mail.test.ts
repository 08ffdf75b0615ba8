import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readJson, sendJson } from '../json-http.ts'
import { runRelay } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'relay-mail-'))
const stackFile = join(folder, 'stack.json')
let server: Server
let sent: { path: string; body: unknown }[] = []
let answer: unknown

beforeAll(async () => {
  server = createServer(async (request, response) => {
    sent.push({ path: `${request.method} ${request.url}`, body: await readJson(request) })
    sendJson(response, 200, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const adminUrl = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  writeFileSync(stackFile, JSON.stringify({ adminUrl, access: { clientId: 'id.access', clientSecret: 'hush' } }))
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  sent = []
})

async function relay(...parameters: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runRelay(['mail', ...parameters], {
    env: { RELAY_STACK: stackFile },
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    readInput: async () => ' hush-hush \n',
  })
  return { code, out: out.join(''), err: err.join('') }
}

const from = { address: 'relay@example.com', name: 'Rocket Relay' }
const settings = { host: 'smtp.example.com', port: 465, security: 'tls', user: 'relay', from }
const stored = { mail: { ...settings, hasPassword: true, version: 1, updatedAt: '2026-11-24T12:00:00.000Z' } }
const server465 = ['--host', 'smtp.example.com', '--user', 'relay', '--from', 'relay@example.com']

test('set reads the password from standard input as it stands there, and prints it nowhere', async () => {
  answer = stored
  const { code, out, err } = await relay('set', ...server465, '--password', '-')
  expect(sent).toEqual([{ path: 'PUT /mail', body: { ...settings, password: ' hush-hush ' } }])
  expect(out).toMatch(/server +smtp\.example\.com:465\n/)
  expect(out + err).not.toContain('hush-hush')
  expect(code).toBe(0)
})

test('set without a password leaves it to the stored one, and plaintext has to be said', async () => {
  answer = stored
  await relay('set', ...server465, '--security', 'none', '--port', '2525', '--allow-plaintext')
  expect(sent[0]?.body).toEqual({ ...settings, security: 'none', port: 2525, allowPlaintext: true })
})

test('show says when there is no server', async () => {
  answer = { mail: null }
  expect((await relay('show')).out).toContain('No mail server is set')
})

test.each([
  ['accepted', 0],
  ['refused', 1],
  ['unreachable', 1],
])('test tells what the server says; %s ends with %i', async (outcome, expectedCode) => {
  answer = { outcome, answer: '250 \u001b[31mok' }
  const { code, out } = await relay('test', '--to', 'ada@example.com')
  expect(sent).toEqual([{ path: 'POST /mail/test', body: { to: 'ada@example.com' } }])
  expect(out).toMatch(/the server says +250 \?\[31mok/)
  expect(code).toBe(expectedCode)
})

test.each([['set'], ['set', ...server465, '--security', 'ssl'], ['set', ...server465, '--port', '70000'], ['test']])(
  'a wrong call is told: %s',
  async (...parameters) => {
    expect((await relay(...parameters)).code).toBe(2)
    expect(sent).toEqual([])
  },
)
