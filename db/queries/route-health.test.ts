import { afterAll, beforeAll, expect, test } from 'vitest'
import { models, priceVersions, routes, upstreams } from '../schema/index.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { listRoutes } from './list-routes.ts'
import { readCatalogue } from './read-catalogue.ts'
import { saveRouteHealth } from './save-route-health.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  const { db } = database
  await db.insert(upstreams).values([
    { id: 'on', kind: 'cliproxyapi', baseUrl: 'https://on.example', credential: 'on' },
    { id: 'off', baseUrl: 'https://off.example', credential: 'off', enabled: false },
  ])
  const size = { kind: 'chat' as const, contextTokens: 1_000, maxOutputTokens: 100 }
  await db.insert(models).values([
    { id: 'sold', ...size },
    { id: 'ended', ...size, enabled: false },
  ])
  const picos = { inputPicos: 1, cacheReadPicos: 1, cacheWrite5mPicos: 1, cacheWrite1hPicos: 1, outputPicos: 1 }
  await db.insert(priceVersions).values({ id: 'prc_sold', modelId: 'sold', effectiveAt: new Date(0), ...picos })
  const route = { modelId: 'sold', upstreamId: 'on', upstreamModel: 'm', dialects: ['openai-chat' as const] }
  await db.insert(routes).values([
    { ...route, id: 'second', priority: 1 },
    { ...route, id: 'first' },
    { ...route, id: 'switched off', enabled: false },
    { ...route, id: 'of an upstream that is off', upstreamId: 'off' },
    { ...route, id: 'of a model that ended', modelId: 'ended' },
  ])
})
afterAll(() => database.stop())

const check = { state: 'down' as const, reason: 'it said "no"', failures: 2, checkedAtMs: 1_000_000_000_123, probedAtMs: null }
const find = async (routeId: string) => (await listRoutes(database.db)).find((route) => route.routeId === routeId)

test('the routes that are listed are those that can be chosen, in the order of their priority', async () => {
  const listed = await listRoutes(database.db)
  expect(listed.map(({ routeId }) => routeId)).toEqual(['first', 'second'])
  expect(listed[0]).toMatchObject({ state: null, reason: null, failures: 0, checkedAtMs: null, probedAtMs: null })
})

test('a check is written and overwritten, and the catalogue puts its word into effect', async () => {
  const isUp = async () => (await readCatalogue(database.db)).models[0]?.routes.map((route) => route.isUp)
  await saveRouteHealth(database.db, [{ ...check, routeId: 'first' }])
  expect(await find('first')).toMatchObject(check)
  expect(await isUp()).toEqual([false, true])
  const later = {
    ...check,
    state: 'up' as const,
    reason: 'answered',
    failures: 0,
    checkedAtMs: 1_000_000_001_000,
    probedAtMs: 1_000_000_000_999,
  }
  await saveRouteHealth(database.db, [{ ...later, routeId: 'first' }])
  expect(await find('first')).toMatchObject(later)
  expect(await isUp()).toEqual([true, true])
})

test('a check that began earlier does not overwrite a later one', async () => {
  await saveRouteHealth(database.db, [{ ...check, routeId: 'second', reason: 'later', checkedAtMs: 2_000 }])
  await saveRouteHealth(database.db, [{ ...check, routeId: 'second', reason: 'earlier', checkedAtMs: 1_000 }])
  expect(await find('second')).toMatchObject({ reason: 'later', checkedAtMs: 2_000 })
})

test('a route that was deleted while it was checked does not keep the others from being written', async () => {
  await saveRouteHealth(database.db, [
    { ...check, routeId: 'deleted' },
    { ...check, routeId: 'second', checkedAtMs: 3_000 },
  ])
  expect(await find('second')).toMatchObject({ checkedAtMs: 3_000 })
  await saveRouteHealth(database.db, [])
})
