import { eq, ne, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashApiKey } from '#shared/values/api-key.ts'
import { migrate } from './migrate.ts'
import { findKeyByHash } from './queries/find-key-by-hash.ts'
import { readCatalogue } from './queries/read-catalogue.ts'
import { readOrganization } from './queries/read-organization.ts'
import { revokeApiKey } from './queries/revoke-api-key.ts'
import { models, priceVersions, routes, upstreams } from './schema/index.ts'
import { seed } from './seed.ts'
import { startTestDatabase, type TestDatabase } from './testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const upstreamUrl = 'http://127.0.0.1:4010'
const modelOf = async (id: string) => (await readCatalogue(database.db)).models.find((model) => model.id === id)

test('migrations may run twice, and twice at once', async () => {
  await Promise.all([migrate(database.databaseUrl), migrate(database.databaseUrl)])
})

describe('the seed', () => {
  test('may run again: one credit, the same key, the new address', async () => {
    const first = await seed(database.databaseUrl, { upstreamUrl })
    const second = await seed(database.databaseUrl, { upstreamUrl: 'http://127.0.0.1:4011', demoApiKey: first.apiKey })
    expect(second).toEqual(first)
    expect(await readOrganization(database.db, first.organizationId)).toMatchObject({ balanceNanos: 10_000_000_000 })
    expect((await modelOf('gpt-relay-fast'))?.routes).toMatchObject([{ baseUrl: 'http://127.0.0.1:4011/openai', credential: 'scripted' }])
  })

  test('lets customers bring keys of each provider, but none to a CLIProxyAPI, which an older database learns too', async () => {
    await seed(database.databaseUrl, { upstreamUrl })
    await database.db.update(upstreams).set({ byok: 'cohere' }).where(ne(upstreams.kind, 'cliproxyapi'))
    await seed(database.databaseUrl, { upstreamUrl })
    const rows = await database.db.select({ id: upstreams.id, byok: upstreams.byok }).from(upstreams)
    expect(Object.fromEntries(rows.map(({ id, byok }) => [id, byok]))).toEqual({
      scripted: 'openai',
      'scripted-anthropic': 'anthropic',
      'scripted-gemini': 'gemini',
      cliproxy: null,
    })
  })

  test('makes a new key when the old one no longer works', async () => {
    const { organizationId, apiKey } = await seed(database.databaseUrl, { upstreamUrl })
    const keyId = (await findKeyByHash(database.db, await hashApiKey(apiKey)))?.keyId ?? ''
    await revokeApiKey(database.db, { organizationId, keyId })
    const again = await seed(database.databaseUrl, { upstreamUrl, demoApiKey: apiKey })
    expect(again.apiKey).not.toBe(apiKey)
    expect(await findKeyByHash(database.db, await hashApiKey(again.apiKey))).toMatchObject({ organizationId })
  })

  test('sells a model through a CLIProxyAPI, with another route for when that fails', async () => {
    await seed(database.databaseUrl, { upstreamUrl })
    expect((await modelOf('claude-relay-proxied'))?.routes).toMatchObject([
      { upstream: 'cliproxy', kind: 'cliproxyapi', baseUrl: `${upstreamUrl}/cliproxy`, upstreamModel: 'cpa-fast', priority: 0 },
      { upstream: 'scripted', kind: 'openai', upstreamModel: 'scripted-fast', priority: 1 },
    ])
  })

  test('adds the models it is given, and those that begin as customers expect', async () => {
    await seed(database.databaseUrl, {
      upstreamUrl,
      models: [{ id: 'gpt-scripted-stall', upstreamModel: 'scripted-stall', kind: 'chat' }],
    })
    const ids = (await readCatalogue(database.db)).models.map((model) => model.id)
    for (const prefix of ['gpt-', 'claude-', 'gemini-']) expect(ids.some((id) => id.startsWith(prefix))).toBe(true)
    expect((await modelOf('gpt-scripted-stall'))?.routes).toMatchObject([{ upstreamModel: 'scripted-stall', upstream: 'scripted' }])
    expect((await modelOf('claude-relay-fast'))?.routes).toMatchObject([
      { kind: 'openai', dialects: ['openai-chat', 'openai-responses'] },
      { kind: 'anthropic', baseUrl: `${upstreamUrl}/anthropic`, dialects: ['anthropic-messages'] },
    ])
  })
})

describe('the catalogue', () => {
  async function addModel(id: string) {
    await database.db.insert(models).values({ id, kind: 'chat', contextTokens: 1_000, maxOutputTokens: 100 })
    const price = { modelId: id, inputPicos: 10, cacheReadPicos: 5, cacheWrite5mPicos: 10, cacheWrite1hPicos: 10, outputPicos: 20 }
    return (priceId: string, effectiveAtMs: number) =>
      database.db.insert(priceVersions).values({ ...price, id: priceId, effectiveAt: new Date(effectiveAtMs) })
  }

  test('sells a model at its latest price that has come, and none without', async () => {
    const addPrice = await addModel('priced-in-time')
    expect(await modelOf('priced-in-time')).toBeUndefined()
    await addPrice('prc_tomorrow', Date.now() + 86_400_000)
    expect(await modelOf('priced-in-time')).toBeUndefined()
    await addPrice('prc_old', 1_000)
    await addPrice('prc_now', Date.now() - 1_000)
    expect(await modelOf('priced-in-time')).toMatchObject({ price: { priceVersionId: 'prc_now', outputPicos: 20 }, routes: [] })
  })

  test('shows no route that is switched off, alone or with its upstream', async () => {
    const addPrice = await addModel('routed')
    await addPrice('prc_routed', 0)
    await database.db.insert(upstreams).values({ id: 'gone', baseUrl: 'https://gone.example', credential: 'gone', enabled: false })
    const route = { modelId: 'routed', upstreamModel: 'm', dialects: ['openai-chat' as const] }
    await database.db.insert(routes).values([
      { ...route, id: 'r_second', upstreamId: 'scripted', priority: 2 },
      { ...route, id: 'r_first', upstreamId: 'scripted', priority: 1 },
      { ...route, id: 'r_off', upstreamId: 'scripted', enabled: false },
      { ...route, id: 'r_gone', upstreamId: 'gone' },
    ])
    expect((await modelOf('routed'))?.routes.map(({ routeId }) => routeId)).toEqual(['r_first', 'r_second'])
    await database.db.update(models).set({ enabled: false }).where(eq(models.id, 'routed'))
    expect(await modelOf('routed')).toBeUndefined()
  })

  test('a price out of range never gets in', async () => {
    await addModel('dear')
    const price = sql`insert into price_versions select 'prc_dear', 'dear', 10, 5, 10, 10, 10000000001`
    await expect(database.db.execute(price)).rejects.toMatchObject({ cause: { constraint: 'price_versions_range' } })
  })
})
