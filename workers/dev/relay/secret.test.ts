import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, test } from 'vitest'
import { readJson, sendJson } from '../json-http.ts'
import { runRelay } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'relay-secret-'))
const stackFile = join(folder, 'stack.json')
let server: Server
let sent: { path: string; body: unknown }[] = []
let answers: unknown[] = []

beforeAll(async () => {
  server = createServer(async (request, response) => {
    sent.push({ path: `${request.method} ${request.url}`, body: await readJson(request) })
    sendJson(response, 200, answers.shift())
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
  const code = await runRelay(['secret', ...parameters], {
    env: { RELAY_STACK: stackFile },
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    readInput: () => Promise.resolve(''),
  })
  return { code, out: out.join(''), err: err.join('') }
}

const page = { rotated: 0, overtaken: 0, failed: [], next: null, stopped: null }
const young = { kek: 'local', kekId: 'young', secrets: 9, isCurrent: true, problem: null }
const old = { kek: 'local', kekId: 'old', secrets: 2, isCurrent: false, problem: null }
const name = 'provider_credentials/byk_a/api_key'

test('rotate asks for page after page, tells how far it is, and ends with 0 when nothing remains', async ({ expect }) => {
  answers = [{ ...page, rotated: 50, next: name }, { ...page, rotated: 2, overtaken: 1 }, { keys: [young] }]
  const { code, out, err } = await relay('rotate', '--json')
  expect(sent).toEqual([
    { path: 'POST /secrets/rotations', body: {} },
    { path: 'POST /secrets/rotations', body: { after: name } },
    { path: 'GET /secrets', body: undefined },
  ])
  expect(err).toBe('50 rotated, 0 overtaken, 0 failed\n52 rotated, 1 overtaken, 0 failed\n')
  expect(JSON.parse(out)).toEqual({ ...page, rotated: 52, overtaken: 1, remaining: 0 })
  expect(code).toBe(0)
})

test('rotate goes on past what fails, names it, and ends with 1', async ({ expect }) => {
  const failed = [{ name, reason: 'altered' }]
  answers = [{ ...page, failed, next: name }, { ...page, rotated: 1 }, { keys: [young, old] }]
  const { code, out } = await relay('rotate')
  expect(out).toMatch(/rotated +1\n/)
  expect(out).toMatch(/under other keys still +2\n/)
  expect(out).toMatch(new RegExp(`${name} +altered`))
  expect(code).toBe(1)
})

test('rotate ends with 1 when secrets remain although none failed', async ({ expect }) => {
  answers = [page, { keys: [young, old] }]
  expect((await relay('rotate')).code).toBe(1)
})

test('rotate stops when the provider is away, and says how to go on', async ({ expect }) => {
  answers = [{ ...page, next: name, stopped: 'AWS KMS is away.' }, { keys: [young] }]
  const { code, out } = await relay('rotate', '--after', 'provider_credentials/byk_0/api_key')
  expect(sent.map(({ path }) => path)).toEqual(['POST /secrets/rotations', 'GET /secrets'])
  expect(sent[0]?.body).toEqual({ after: 'provider_credentials/byk_0/api_key' })
  expect(out).toContain(`Stopped at ${name}: AWS KMS is away.`)
  expect(out).toContain(`secret rotate --after ${name}`)
  expect(code).toBe(1)
})

test('status shows each key, and ends with 1 when one cannot be read', async ({ expect }) => {
  answers = [{ keys: [young, old] }]
  const { code, out } = await relay('status')
  expect(out).toMatch(/local +young +9 +yes/)
  expect(code).toBe(0)
  answers = [{ keys: [young, { ...old, problem: 'not configured' }] }]
  const broken = await relay('status')
  expect(broken.out).toMatch(/local +old +2 +not configured/)
  expect(broken.code).toBe(1)
})

test('what is no name of a secret is a wrong call', async ({ expect }) => {
  expect((await relay('rotate', '--after', 'byk_a')).code).toBe(2)
  expect(sent).toEqual([])
})
