import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { readJson, sendJson } from '../json-http.ts'
import { runRelay } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'relay-byok-'))
const stackFile = join(folder, 'stack.json')
const canary = 'sk-canary-0123456789'
let server: Server
let sent: { method: string | undefined; path: string | undefined; body: unknown }[] = []
let answers: { status: number; content: unknown }[] = []

beforeAll(async () => {
  server = createServer(async (request, response) => {
    sent.push({ method: request.method, path: request.url, body: await readJson(request) })
    const answer = answers.shift() ?? { status: 500, content: {} }
    sendJson(response, answer.status, answer.content)
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
  answers = []
})

async function byok(parameters: string[], input = '') {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runRelay(['byok', ...parameters], {
    env: { RELAY_STACK: stackFile },
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    readInput: async () => input,
  })
  return { code, out: out.join(''), err: err.join('') }
}

const of = ['--organization', 'org_a']
const base = '/customers/org_a/provider-credentials'
const credential = {
  credentialId: 'byk_a',
  provider: 'openai',
  name: 'main',
  baseUrl: null,
  lastFour: '6789',
  priority: 3,
  models: ['gpt-a'],
  keyIds: null,
  status: 'paused',
  lastUsedAt: null,
  lastError: 'unauthorized',
  lastErrorAt: '2026-01-02T03:04:05.000Z',
  createdAt: '2026-01-01T00:00:00.000Z',
}
const changed = { status: 200, content: { organizationId: 'org_a', credentialId: 'byk_a', pushed: true } }

describe('byok add', () => {
  test('sends what was chosen, and shows no more of the key than its end', async ({ expect }) => {
    answers = [{ status: 201, content: { ...credential, pushed: false } }]
    const choices = ['--name', 'main', '--models', 'gpt-a,gpt-b', '--keys', 'key_a', '--priority', '3', '--skip-validation']
    const { code, out, err } = await byok(['add', ...of, '--provider', 'openai', '--key', canary, ...choices])
    expect(sent).toEqual([
      {
        method: 'POST',
        path: base,
        body: {
          provider: 'openai',
          apiKey: canary,
          name: 'main',
          models: ['gpt-a', 'gpt-b'],
          keyIds: ['key_a'],
          priority: 3,
          skipValidation: true,
        },
      },
    ])
    expect([code, out]).toEqual([0, expect.stringContaining('…6789')])
    expect(err).toContain('warning: the change is stored')
    expect(out + err).not.toContain(canary)
  })

  test('reads the key from standard input', async ({ expect }) => {
    answers = [{ status: 201, content: { ...credential, pushed: true } }]
    const address = ['--provider', 'openai-compatible', '--base-url', 'https://api.example.com/v1', '--models', 'm', '--json']
    const { out } = await byok(['add', ...of, '--key', '-', ...address], `${canary}\n`)
    expect(sent[0]?.body).toEqual({
      provider: 'openai-compatible',
      apiKey: canary,
      baseUrl: 'https://api.example.com/v1',
      models: ['m'],
      skipValidation: false,
    })
    expect(JSON.parse(out)).toEqual({ ...credential, pushed: true })
  })

  test('tells why a key was not stored, without it', async ({ expect }) => {
    const detail = 'The provider refuses this key (status 401), and nothing was stored.'
    answers = [
      { status: 422, content: { detail, code: 'key_refused', errors: [{ pointer: '#/apiKey', detail: 'is refused by the provider' }] } },
    ]
    const { code, out, err } = await byok(['add', ...of, '--provider', 'openai', '--key', canary])
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: `error: ${detail} (422 key_refused)\n  #/apiKey is refused by the provider\n`,
    })
  })
})

test('byok list shows one line a key, and what happens without any', async ({ expect }) => {
  answers = [
    { status: 200, content: { credentials: [credential], fallback: true } },
    { status: 200, content: { credentials: [], fallback: false } },
  ]
  const { out } = await byok(['list', ...of])
  expect(out).toMatch(/^byk_a +openai +main +…6789 +3 +gpt-a +all +paused +never +unauthorized 2026-01-02T03:04:05\.000Z$/m)
  expect(out).toContain('is served with its credit')
  expect((await byok(['list', ...of])).out).toMatch(/brings no keys along.*is refused/s)
  expect(sent[0]).toMatchObject({ method: 'GET', path: base })
})

test('byok replace, remove and fallback change one thing each', async ({ expect }) => {
  const off = { status: 200, content: { organizationId: 'org_a', fallback: false, pushed: true } }
  answers = [changed, changed, off]
  const outputs = [
    await byok(['replace', 'byk_a', ...of, '--key', '-'], canary),
    await byok(['remove', ...of, '../x']),
    await byok(['fallback', ...of, 'off']),
  ]
  expect(sent).toEqual([
    { method: 'PUT', path: `${base}/byk_a/key`, body: { apiKey: canary, skipValidation: false } },
    { method: 'DELETE', path: `${base}/..%2Fx`, body: undefined },
    { method: 'PUT', path: `${base}/fallback`, body: { fallback: false } },
  ])
  expect(outputs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(outputs[2]?.out).toContain('is refused')
})

test.for<[string, number | null, number, string]>([
  ['accepted', 200, 0, 'The provider takes the key (status 200).\n'],
  ['refused', 401, 1, 'The provider refuses the key (status 401).\n'],
  ['unreachable', null, 1, 'The provider did not show whether it takes the key (no answer).\n'],
])('byok test of a key that is %s', async ([outcome, status, code, out], { expect }) => {
  answers = [{ status: 200, content: { outcome, status } }]
  expect(await byok(['test', ...of, 'byk_a'])).toEqual({ code, out, err: '' })
  expect(sent).toMatchObject([{ method: 'POST', path: `${base}/byk_a/test` }])
})

test('a wrong call ends with 2, sends nothing and repeats no key', async ({ expect }) => {
  const calls = [
    ['add', ...of, '--provider', 'openai'],
    ['add', ...of, '--key', canary],
    ['add', '--provider', 'openai', '--key', canary],
    ['add', ...of, '--provider', 'openai', '--key', canary, '--priority', 'high'],
    ['replace', ...of, '--key', canary],
    ['test', ...of],
    ['fallback', ...of, 'maybe'],
  ]
  for (const call of calls) {
    const { code, out, err } = await byok(call)
    expect([call, code, out, err.includes(canary)]).toEqual([call, 2, '', false])
  }
  expect(sent).toEqual([])
})
