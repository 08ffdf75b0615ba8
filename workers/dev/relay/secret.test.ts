import { test } from 'vitest'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const relay = (...parameters: string[]) => admin.relay(['secret', ...parameters])

const page = { rotated: 0, overtaken: 0, failed: [], next: null, stopped: null }
const young = { kek: 'local', kekId: 'young', secrets: 9, isCurrent: true, problem: null }
const old = { kek: 'local', kekId: 'old', secrets: 2, isCurrent: false, problem: null }
const name = 'provider_credentials/byk_a/api_key'

test('rotate asks for page after page, tells how far it is, and ends with 0 when nothing remains', async ({ expect }) => {
  admin.answers = [{ ...page, rotated: 50, next: name }, { ...page, rotated: 2, overtaken: 1 }, { keys: [young] }].map(ok)
  const { code, out, err } = await relay('rotate', '--json')
  expect(admin.sent).toEqual([
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
  admin.answers = [{ ...page, failed, next: name }, { ...page, rotated: 1 }, { keys: [young, old] }].map(ok)
  const { code, out } = await relay('rotate')
  expect(out).toMatch(/rotated +1\n/)
  expect(out).toMatch(/under other keys still +2\n/)
  expect(out).toMatch(new RegExp(`${name} +altered`))
  expect(code).toBe(1)
})

test('rotate ends with 1 when secrets remain although none failed', async ({ expect }) => {
  admin.answers = [page, { keys: [young, old] }].map(ok)
  expect((await relay('rotate')).code).toBe(1)
})

test('rotate stops when the provider is away, and says how to go on', async ({ expect }) => {
  admin.answers = [{ ...page, next: name, stopped: 'AWS KMS is away.' }, { keys: [young] }].map(ok)
  const { code, out } = await relay('rotate', '--after', 'provider_credentials/byk_0/api_key')
  expect(admin.sent.map(({ path }) => path)).toEqual(['POST /secrets/rotations', 'GET /secrets'])
  expect(admin.sent[0]?.body).toEqual({ after: 'provider_credentials/byk_0/api_key' })
  expect(out).toContain(`Stopped at ${name}: AWS KMS is away.`)
  expect(out).toContain(`secret rotate --after ${name}`)
  expect(code).toBe(1)
})

test('status shows each key, and ends with 1 when one cannot be read', async ({ expect }) => {
  admin.answers = [{ keys: [young, old] }].map(ok)
  const { code, out } = await relay('status')
  expect(out).toMatch(/local +young +9 +yes/)
  expect(code).toBe(0)
  admin.answers = [{ keys: [young, { ...old, problem: 'not configured' }] }].map(ok)
  const broken = await relay('status')
  expect(broken.out).toMatch(/local +old +2 +not configured/)
  expect(broken.code).toBe(1)
})

test('what is no name of a secret is a wrong call', async ({ expect }) => {
  expect((await relay('rotate', '--after', 'byk_a')).code).toBe(2)
  expect(admin.sent).toEqual([])
})
