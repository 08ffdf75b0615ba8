import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { auditLog, models, priceVersions, routes, secrets, upstreams } from '#db/schema/index.ts'
import { AddedProviderCredential } from '#shared/contracts/provider-credential.ts'
import { type Providers, startProviders } from '#workers/services/credentials/testing/providers.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let providers: Providers
let admin: TestPerson
let developer: TestPerson
let organizationId: string

beforeAll(async () => {
  providers = await startProviders()
  stage = await setStage({ ALLOWED_TARGETS: providers.url })
  await stage.db
    .insert(upstreams)
    .values({ id: 'openai', kind: 'openai', baseUrl: `${providers.url}/openai`, credential: 'c', byok: 'openai' })
  admin = await stage.person()
  developer = await stage.person()
})
afterAll(async () => {
  providers?.stop()
  await stage?.stop()
})
beforeEach(async () => {
  organizationId = await stage.organization([
    [admin, 'admin'],
    [developer, 'developer'],
  ])
  providers.answers.clear()
})

const call = (method: string, rest = '', body?: unknown, who = admin) =>
  stage.call(method, `/api/organizations/${organizationId}/provider-credentials${rest}`, { cookie: who.cookie, body })

const apiKey = 'sk-canary-0123456789-end1'

async function add(body: object = {}): Promise<AddedProviderCredential> {
  const answer = await call('POST', '', { provider: 'openai', apiKey, ...body })
  expect([answer.status, answer.text]).toEqual([201, expect.not.stringContaining(apiKey)])
  return AddedProviderCredential.parse(answer.json)
}

test('a key that its provider takes is stored sealed, tested, replaced and removed, and each change is pushed', async () => {
  const { credentialId, lastFour } = await add()
  expect(lastFour).toBe('end1')
  expect(stage.ledger.pushed.at(-1)).toMatchObject({ organizationId, credentialsVersion: 1 })
  expect((await call('POST', `/${credentialId}/test`)).json).toEqual({ outcome: 'accepted', status: 200 })
  providers.answers.set('sk-canary-0123456789-end2', { status: 401 })
  const refused = await call('PUT', `/${credentialId}/key`, { apiKey: 'sk-canary-0123456789-end2' })
  expect(refused).toMatchObject({ status: 422, json: { code: 'key_refused' } })
  expect((await call('PUT', `/${credentialId}/key`, { apiKey: 'sk-canary-0123456789-end3' })).json).toMatchObject({ pushed: true })
  expect((await call('GET')).json).toMatchObject({ data: [{ credentialId, lastFour: 'end3', status: 'active' }], fallback: false })
  expect(stage.ledger.pushed.at(-1)).toMatchObject({ credentialsVersion: 2 })
  expect((await call('DELETE', `/${credentialId}`)).json).toMatchObject({ credentialId, pushed: true })
  expect(await stage.db.select().from(secrets).where(eq(secrets.ownerId, credentialId))).toEqual([])
  const entries = await stage.db.select().from(auditLog).where(eq(auditLog.chain, organizationId)).orderBy(auditLog.seq)
  expect(entries.map(({ action }) => action)).toEqual(['added', 'replaced', 'removed'].map((what) => `provider_credential.${what}`))
  expect(JSON.stringify(entries)).not.toContain('sk-canary')
})

test('the fallback is set and shown', async () => {
  expect((await call('PUT', '/fallback', { fallback: true })).json).toMatchObject({ fallback: true, pushed: true })
  expect((await call('GET')).json).toEqual({ data: [], fallback: true })
})

test('a developer sees that there are credentials, and neither where they lead nor how to change them', async () => {
  const { credentialId } = await add({ provider: 'openai-compatible', baseUrl: `${providers.url}/v1`, models: ['m'] })
  expect((await call('GET')).json).toMatchObject({ data: [{ baseUrl: `${providers.url}/v1`, keyIds: null, lastError: null }] })
  const seen = (await call('GET', '', undefined, developer)).json as { data: object[] }
  expect(Object.keys(seen.data[0] ?? {}).toSorted()).toEqual([
    'createdAt',
    'credentialId',
    'lastFour',
    'models',
    'name',
    'priority',
    'provider',
    'status',
  ])
  const changes: [string, string, unknown?][] = [
    ['POST', '', { provider: 'openai', apiKey }],
    ['PUT', `/${credentialId}/key`, { apiKey }],
    ['PUT', '/fallback', { fallback: true }],
    ['POST', `/${credentialId}/test`],
    ['DELETE', `/${credentialId}`],
  ]
  for (const [method, rest, body] of changes)
    expect([method, rest, (await call(method, rest, body, developer)).status]).toEqual([method, rest, 403])
})

test('what cannot be is refused, and what is of another tenant does not exist', async () => {
  const foreign = await add()
  organizationId = await stage.organization([[admin, 'owner']])
  for (const [method, rest, body] of [
    ['PUT', '/key', { apiKey }],
    ['POST', '/test', undefined],
    ['DELETE', '', undefined],
  ] as const)
    expect([method, (await call(method, `/${foreign.credentialId}${rest}`, body)).status]).toEqual([method, 404])
  const wrong: [number, object][] = [
    [400, { provider: 'nobody', apiKey }],
    [400, { provider: 'openai', apiKey: 'a b c d e f g h' }],
    [400, { provider: 'openai', apiKey, models: ['a\u0000'] }],
    [400, { provider: 'openai', apiKey, keyIds: ['key_foreign'] }],
    [400, { provider: 'openai-compatible', apiKey, models: ['m'], baseUrl: 'http://169.254.169.254/v1' }],
  ]
  for (const [status, body] of wrong) expect([(await call('POST', '', body)).status, body]).toEqual([status, body])
  expect((await call('GET')).json).toEqual({ data: [], fallback: false })
})

test('the models that can be served are listed with their prices, for whoever is signed in', async () => {
  const model = { kind: 'chat' as const, contextTokens: 8, maxOutputTokens: 4, displayName: 'A', owner: 'lab' }
  await stage.db.insert(models).values([
    { id: 'gpt-a', ...model },
    { id: 'gpt-unserved', ...model },
  ])
  const prices = { inputPicos: 1, cacheReadPicos: 2, cacheWrite5mPicos: 3, cacheWrite1hPicos: 4, outputPicos: 5 }
  const effectiveAt = new Date(0)
  await stage.db
    .insert(priceVersions)
    .values(['gpt-a', 'gpt-unserved'].map((modelId) => ({ id: `prc_${modelId}`, modelId, ...prices, effectiveAt })))
  await stage.db
    .insert(routes)
    .values({ id: 'rte_a', modelId: 'gpt-a', upstreamId: 'openai', upstreamModel: 'a', dialects: ['openai-chat'] })
  const answer = await stage.call('GET', '/api/models', { cookie: developer.cookie })
  expect(answer.json).toEqual({ data: [{ modelId: 'gpt-a', ...model, price: { ...prices, units: expect.anything() } }] })
  expect((await stage.call('GET', '/api/models')).status).toBe(401)
})
