import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { listCustomerEvents } from '#db/queries/list-customer-events.ts'
import { type ListedRoute, listRoutes } from '#db/queries/list-routes.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { models, routes, upstreams, webhookEndpoints } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { newCustomer, settlementEvent } from '#db/testing/usage-events.ts'
import type { DialectName } from '#shared/contracts/dialect.ts'
import { newId } from '#shared/values/id.ts'
import { startUpstream, type Upstream } from '#workers/dev/upstream/server.ts'
import type { WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'
import { checkRoutes } from './check-routes.ts'
import { probeAgainMs, probesPerRun } from './limits.ts'

const key = 'sk-scripted-upstream'
/** Whom the webhooks Worker was told of. */
let nudges: string[][] = []
const webhooks: WebhookQueue = { send: async ({ organizationIds }) => nudges.push(organizationIds) }
let database: TestDatabase
let peer: Upstream

beforeAll(async () => {
  ;[database, peer] = await Promise.all([startTestDatabase(), startUpstream({ port: 0, key })])
  await database.db.insert(models).values({ id: 'm', kind: 'chat', contextTokens: 1_000, maxOutputTokens: 100 })
  await database.db.insert(upstreams).values([
    { id: 'cpa', kind: 'cliproxyapi', baseUrl: `${peer.url}/cliproxy`, credential: 'cpa' },
    { id: 'closed', kind: 'cliproxyapi', baseUrl: 'http://127.0.0.1:1', credential: 'cpa' },
    { id: 'direct', baseUrl: `${peer.url}/openai`, credential: 'cpa' },
  ])
})
afterAll(() => Promise.all([database.stop(), peer.close()]))
afterEach(async () => {
  await turn({})
  await database.db.execute(sql`delete from route_health`)
  await database.db.execute(sql`delete from routes`)
  nudges = []
  peer.clear()
})

async function turn(to: { down?: boolean; missing?: string[] }): Promise<void> {
  await fetch(`${peer.url}/_truth/cliproxy`, { method: 'POST', body: JSON.stringify(to) })
}

async function addRoute(
  upstreamModel: string,
  { id = upstreamModel, upstreamId = 'cpa', dialects = ['openai-chat'] as DialectName[] } = {},
) {
  await database.db.insert(routes).values({ id, modelId: 'm', upstreamId, upstreamModel, dialects })
}

const startMs = Date.now()
/** One run, as many minutes after the first as said. */
const check = (minutes: number, credentials: Record<string, string> = { cpa: key }) =>
  checkRoutes({ db: database.db, credentials: new Map(Object.entries(credentials)), webhooks }, startMs + minutes * 60_000)
const healthOf = async (routeId: string): Promise<Partial<ListedRoute>> =>
  (await listRoutes(database.db)).find((route) => route.routeId === routeId) ?? {}
/** The paths that were asked, without those that switch the peer. */
const asked = () => peer.records().map(({ method, path }) => `${method} ${path.replace('/cliproxy', '')}`)

test('each upstream is asked once for its catalogue and each route for one token, in a dialect it speaks', async () => {
  await addRoute('cpa-fast', { id: 'chat', dialects: ['openai-responses', 'anthropic-messages', 'openai-chat'] })
  await addRoute('cpa-fast', { id: 'claude', dialects: ['anthropic-messages'] })
  await addRoute('cpa-fast', { id: 'gemini', dialects: ['gemini-content'] })
  await addRoute('cpa-fast', { id: 'images', dialects: ['openai-images'] })
  await addRoute('scripted-fast', { id: 'direct', upstreamId: 'direct' })
  expect(await check(0)).toMatchObject({ upstreams: 1, routes: 4, probed: 3, down: 0, faults: {}, changes: [], refusedCredentials: [] })
  expect(asked().toSorted()).toEqual([
    'GET /v1/models',
    'POST /v1/chat/completions',
    'POST /v1/messages',
    'POST /v1beta/models/cpa-fast:generateContent',
  ])
  const sent = peer.records().map((record) => record.completionTokensSent)
  expect(Math.max(...sent)).toBe(1)
  expect(peer.records().flatMap(({ leaks }) => leaks)).toEqual([])
  for (const id of ['chat', 'claude', 'gemini', 'images']) expect(await healthOf(id)).toMatchObject({ state: 'up', failures: 0 })
  expect(await healthOf('direct')).toMatchObject({ state: null })
})

test('a route that is well is not probed again for a while, and one that is not is probed in every run', async () => {
  await addRoute('cpa-fast')
  await addRoute('cpa-error-500')
  const probes = async (minutes: number) => (await check(minutes)).probed
  expect([await probes(0), await probes(2), await probes(4)]).toEqual([2, 1, 1])
  expect(await probes(probeAgainMs / 60_000)).toBe(2)
})

test('a model that left the catalogue is down at once and unprobed, and up with the first answer after it came back', async () => {
  await addRoute('cpa-fast')
  await check(0)
  await turn({ missing: ['cpa-fast'] })
  peer.clear()
  const gone = await check(2)
  expect(gone).toMatchObject({ probed: 0, down: 1, faults: { missing: 1 }, changes: [{ routeId: 'cpa-fast', state: 'down' }] })
  expect(asked()).toEqual(['GET /v1/models'])
  expect(await healthOf('cpa-fast')).toMatchObject({ state: 'down', reason: 'It does not have the model. (catalogue)' })
  await turn({})
  expect(await check(4)).toMatchObject({ probed: 1, down: 0, changes: [{ routeId: 'cpa-fast', state: 'up' }] })
})

test('a customer that has a webhook and uses the model hears of a route that goes down and comes back, once each time', async () => {
  const { db } = database
  const organizationId = await newCustomer(db)
  await db.insert(webhookEndpoints).values({ id: newId('whe'), organizationId, url: 'https://example.com', createdBy: 'usr_x' })
  await recordUsage(db, [{ organizationId, events: [settlementEvent({ model: 'm' })] }])
  await addRoute('cpa-fast')
  await check(0)
  await turn({ missing: ['cpa-fast'] })
  await check(2)
  await check(4)
  await turn({})
  await check(6)
  expect(nudges).toEqual([[organizationId], [organizationId]])
  const told = await listCustomerEvents(db, organizationId, { limit: 9 })
  const route = { model: 'm', upstream: 'cpa' }
  expect(told.map(({ type, data }) => [type, data])).toEqual([
    ['route.quality_changed', { ...route, state: 'up' }],
    ['route.quality_changed', { ...route, state: 'down' }],
  ])
})

test('credentials that do not work bring all routes of an upstream down at once, and are told', async () => {
  await addRoute('cpa-fast')
  await addRoute('cpa-burst')
  await turn({ down: true })
  const down = { down: 2, probed: 0, faults: { credentials: 2 }, refusedCredentials: ['cpa'] }
  expect(await check(0)).toMatchObject(down)
  await turn({})
  expect(await check(2)).toMatchObject({ down: 0, refusedCredentials: [] })
  expect(await check(4, { cpa: 'sk-wrong' })).toMatchObject(down)
  expect(await check(6, {})).toMatchObject(down)
})

test.each([
  ['cpa-auth-unavailable', 'credentials', ['down', 'down']],
  ['cpa-auth-not-found', 'credentials', ['down', 'down']],
  ['cpa-error-401', 'credentials', ['down', 'down']],
  ['cpa-cooldown', 'cooling', ['up', 'up']],
  ['cpa-rate-limited', 'cooling', ['up', 'up']],
  ['cpa-error-500', 'failed', ['up', 'down']],
  ['cpa-error-503', 'overloaded', ['up', 'down']],
  ['cpa-html', 'malformed', ['up', 'down']],
  ['cpa-json-error-200', 'malformed', ['up', 'down']],
  ['cpa-break-before-headers', 'unreachable', ['up', 'down']],
] as const)('a probe of %s finds %s', async (model, kind, states) => {
  await addRoute(model)
  for (const [index, state] of states.entries()) {
    expect(await check(index * 20)).toMatchObject({ faults: { [kind]: 1 } })
    expect(await healthOf(model)).toMatchObject({ state })
  }
  expect(JSON.stringify(await healthOf(model))).not.toMatch(/sk-|scripted-codex|auth_unavailable|management|<html/)
})

test('an upstream that is away takes none of the others along', async () => {
  await addRoute('cpa-fast')
  await addRoute('cpa-fast', { id: 'away', upstreamId: 'closed' })
  await check(0)
  expect(await check(2)).toMatchObject({ upstreams: 2, down: 1, faults: { unreachable: 1 } })
  expect([(await healthOf('cpa-fast')).state, (await healthOf('away')).state]).toEqual(['up', 'down'])
})

test('a run probes only so many routes, those first that have waited longest', async () => {
  for (let index = 0; index < probesPerRun + 5; index++) await addRoute('cpa-fast', { id: `r${index}` })
  expect((await check(0)).probed).toBe(probesPerRun)
  expect((await check(1)).probed).toBe(5)
  expect((await listRoutes(database.db)).filter(({ probedAtMs }) => probedAtMs === null)).toEqual([])
})
