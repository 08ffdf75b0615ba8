import { describe, test } from 'vitest'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const byok = (parameters: string[], input?: string) => admin.relay(['byok', ...parameters], input)
const canary = 'sk-canary-0123456789'

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
const changed = ok({ organizationId: 'org_a', credentialId: 'byk_a', pushed: true })

describe('byok add', () => {
  test('sends what was chosen, and shows no more of the key than its end', async ({ expect }) => {
    admin.answers = [{ status: 201, content: { ...credential, pushed: false } }]
    const choices = ['--name', 'main', '--models', 'gpt-a,gpt-b', '--keys', 'key_a', '--priority', '3', '--skip-validation']
    const { code, out, err } = await byok(['add', ...of, '--provider', 'openai', '--key', canary, ...choices])
    expect(admin.sent).toEqual([
      {
        path: `POST ${base}`,
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
    admin.answers = [{ status: 201, content: { ...credential, pushed: true } }]
    const address = ['--provider', 'openai-compatible', '--base-url', 'https://api.example.com/v1', '--models', 'm', '--json']
    const { out } = await byok(['add', ...of, '--key', '-', ...address], `${canary}\n`)
    expect(admin.sent[0]?.body).toEqual({
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
    admin.answers = [
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
  admin.answers = [ok({ credentials: [credential], fallback: true }), ok({ credentials: [], fallback: false })]
  const { out } = await byok(['list', ...of])
  expect(out).toMatch(/^byk_a +openai +main +…6789 +3 +gpt-a +all +paused +never +unauthorized 2026-01-02T03:04:05\.000Z$/m)
  expect(out).toContain('is served with its credit')
  expect((await byok(['list', ...of])).out).toMatch(/brings no keys along.*is refused/s)
  expect(admin.sent[0]).toMatchObject({ path: `GET ${base}` })
})

test('byok replace, remove and fallback change one thing each', async ({ expect }) => {
  const off = ok({ organizationId: 'org_a', fallback: false, pushed: true })
  admin.answers = [changed, changed, off]
  const outputs = [
    await byok(['replace', 'byk_a', ...of, '--key', '-'], canary),
    await byok(['remove', ...of, '../x']),
    await byok(['fallback', ...of, 'off']),
  ]
  expect(admin.sent).toEqual([
    { path: `PUT ${base}/byk_a/key`, body: { apiKey: canary, skipValidation: false } },
    { path: `DELETE ${base}/..%2Fx`, body: undefined },
    { path: `PUT ${base}/fallback`, body: { fallback: false } },
  ])
  expect(outputs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(outputs[2]?.out).toContain('is refused')
})

test.for<[string, number | null, number, string]>([
  ['accepted', 200, 0, 'The provider takes the key (status 200).\n'],
  ['refused', 401, 1, 'The provider refuses the key (status 401).\n'],
  ['unreachable', null, 1, 'The provider did not show whether it takes the key (no answer).\n'],
])('byok test of a key that is %s', async ([outcome, status, code, out], { expect }) => {
  admin.answers = [ok({ outcome, status })]
  expect(await byok(['test', ...of, 'byk_a'])).toEqual({ code, out, err: '' })
  expect(admin.sent).toMatchObject([{ path: `POST ${base}/byk_a/test` }])
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
  expect(admin.sent).toEqual([])
})
