import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Limits } from '#shared/contracts/account.ts'
import { eventData } from '#shared/contracts/events/customer-event.ts'
import type { CustomerEventType } from '#shared/contracts/events/types.ts'
import { newId } from '#shared/values/id.ts'
import { apiKeys, customerEvents, models, routeHealth, routes, upstreams, usageDaily, webhookEndpoints } from '../../schema/index.ts'
import { startTestDatabase, type TestDatabase } from '../../testing/database.ts'
import { newCustomer } from '../../testing/usage-events.ts'
import { createApiKey } from '../create-api-key.ts'
import { saveRouteHealth } from '../save-route-health.ts'
import { raiseKeyLimits } from './raise-key-limits.ts'
import { summarizeUsage } from './summarize-usage.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database?.stop())

async function newKey(organizationId: string, limits: Limits): Promise<string> {
  const keyId = newId('key')
  const keyHash = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  await createApiKey(database.db, { keyId, organizationId, name: 'CI', keyHash, redacted: 'rrk_…', limits })
  return keyId
}

async function spend(organizationId: string, day: string, costNanos: number, { keyId = 'key_x', model = 'm' } = {}): Promise<void> {
  const tokens = {
    inputTokens: 1,
    cacheReadTokens: 20,
    cacheWrite5mTokens: 300,
    cacheWrite1hTokens: 4_000,
    outputTokens: 7,
    reasoningTokens: 5,
  }
  await database.db.insert(usageDaily).values({ organizationId, keyId, model, day, requests: 2, costNanos, ...tokens })
}

type Endpoint = Partial<typeof webhookEndpoints.$inferInsert>
async function listen(organizationId: string, more: Endpoint = {}): Promise<void> {
  const endpoint = { organizationId, url: 'https://example.com', createdBy: 'usr_x', createdAt: new Date(0), ...more }
  await database.db.insert(webhookEndpoints).values({ id: newId('whe'), ...endpoint })
}

/** What a customer was told, oldest first; each as the contract of its type has it. */
async function told(organizationId: string, type: CustomerEventType): Promise<unknown[]> {
  const rows = await database.db
    .select()
    .from(customerEvents)
    .where(eq(customerEvents.organizationId, organizationId))
    .orderBy(customerEvents.id)
  expect(rows.filter((row) => row.type !== type)).toEqual([])
  return rows.map(({ data }) => eventData[type].strict().parse(data))
}

describe('a key has reached its limit', () => {
  test('when the sum of its day or month is there, told once in each, also by two at once', async () => {
    const organizationId = await newCustomer(database.db)
    const [day, month] = [await newKey(organizationId, { spendPerDayNanos: 50 }), await newKey(organizationId, { spendPerMonthNanos: 100 })]
    await spend(organizationId, '2026-09-30', 900, { keyId: month })
    for (const [date, costNanos] of Object.entries({ '2026-10-01': 60, '2026-10-02': 49 }))
      await spend(organizationId, date, costNanos, { keyId: day })
    for (const date of ['2026-10-01', '2026-10-02']) await spend(organizationId, date, 45, { keyId: month })
    expect(await raiseKeyLimits(database.db, '2026-10-02')).toEqual([])
    await spend(organizationId, '2026-10-02', 1, { keyId: day, model: 'another' })
    await spend(organizationId, '2026-10-02', 11, { keyId: month, model: 'another' })
    const both = await Promise.all([raiseKeyLimits(database.db, '2026-10-02'), raiseKeyLimits(database.db, '2026-10-02')])
    expect(both.flat()).toEqual([organizationId])
    expect(await raiseKeyLimits(database.db, '2026-10-02')).toEqual([])
    const common = { name: 'CI', redactedKey: 'rrk_…' }
    expect(await told(organizationId, 'key.limit_reached')).toEqual([
      { ...common, keyId: day, period: '2026-10-02', limitNanos: 50, spentNanos: 50 },
      { ...common, keyId: month, period: '2026-10', limitNanos: 100, spentNanos: 101 },
    ])
    await spend(organizationId, '2026-11-01', 70, { keyId: day })
    expect(await raiseKeyLimits(database.db, '2026-11-01')).toEqual([organizationId])
    expect(await told(organizationId, 'key.limit_reached')).toHaveLength(3)
  })

  test('and neither when it has none, may spend nothing, was revoked, nor by what others have spent', async () => {
    const organizationId = await newCustomer(database.db)
    const [free, shut, gone] = [
      await newKey(organizationId, { concurrency: 1 }),
      await newKey(organizationId, { spendPerDayNanos: 0 }),
      await newKey(organizationId, { spendPerDayNanos: 1 }),
    ]
    await newKey(organizationId, { spendPerDayNanos: 5 })
    await database.db.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.id, gone))
    for (const [keyId, costNanos] of [
      [free, 9],
      [shut, 0],
      [gone, 9],
    ] as const)
      await spend(organizationId, '2026-10-02', costNanos, { keyId })
    expect(await raiseKeyLimits(database.db, '2026-10-02')).toEqual([])
  })
})

describe('a summary of a day', () => {
  const summarize = (lastDay: string) => summarizeUsage(database.db, { firstDay: '2026-10-01', lastDay })

  test('is told once, with all that was used, also for the days that no run has told', async () => {
    const organizationId = await newCustomer(database.db)
    await listen(organizationId)
    await listen(organizationId, { eventTypes: ['usage.daily_summary'] })
    await spend(organizationId, '2026-09-30', 1)
    await spend(organizationId, '2026-10-01', 1)
    await spend(organizationId, '2026-10-03', 10)
    await spend(organizationId, '2026-10-03', 100, { keyId: 'key_y' })
    await spend(organizationId, '2026-10-04', 1_000)
    const both = await Promise.all([summarize('2026-10-03'), summarize('2026-10-03')])
    expect(both.flat()).toEqual([organizationId])
    const tokens = { requests: 2, inputTokens: 4_321, outputTokens: 7 }
    const twice = { requests: 4, inputTokens: 8_642, outputTokens: 14 }
    expect(await told(organizationId, 'usage.daily_summary')).toEqual([
      { day: '2026-10-01', ...tokens, costNanos: 1 },
      { day: '2026-10-03', ...twice, costNanos: 110 },
    ])
    expect(await summarize('2026-10-04')).toEqual([organizationId])
    expect(await told(organizationId, 'usage.daily_summary')).toHaveLength(3)
  })

  test('is made for those alone who have an active endpoint for it, since before the day was over', async () => {
    const endpoints: Endpoint[] = [
      { status: 'paused', pausedBecause: 'asked' },
      { eventTypes: ['balance.low'] },
      { createdAt: new Date('2026-10-02T00:00:00Z') },
    ]
    for (const endpoint of endpoints) {
      const organizationId = await newCustomer(database.db)
      await listen(organizationId, endpoint)
      await spend(organizationId, '2026-10-01', 1)
    }
    await spend(await newCustomer(database.db), '2026-10-01', 1)
    const late = await newCustomer(database.db)
    await listen(late, { createdAt: new Date('2026-10-01T23:59:59Z') })
    await spend(late, '2026-10-01', 1)
    expect(await summarize('2026-10-01')).toEqual([late])
  })
})

test('a route that changes is told to those who listen and use its model, once by checks at once, and never at its first check as up', async () => {
  const { db } = database
  await db.insert(upstreams).values({ id: 'up', baseUrl: 'https://up.example', credential: 'c' })
  await db.insert(models).values(['used', 'unused'].map((id) => ({ id, kind: 'chat' as const, contextTokens: 9, maxOutputTokens: 9 })))
  const route = { upstreamId: 'up', upstreamModel: 'm', dialects: ['openai-chat' as const] }
  await db.insert(routes).values(['used', 'unused'].map((modelId) => ({ id: `to ${modelId}`, modelId, ...route })))
  const [listener, deaf, former] = [await newCustomer(db), await newCustomer(db), await newCustomer(db)]
  for (const organizationId of [listener, former]) await listen(organizationId, { eventTypes: ['route.quality_changed'] })
  await listen(deaf, { eventTypes: ['key.created'] })
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
  for (const [organizationId, days] of [
    [listener, 28],
    [deaf, 0],
    [former, 32],
  ] as const)
    await spend(organizationId, daysAgo(days), 1, { model: 'used' })

  const save = (state: 'up' | 'down', checkedAtMs: number) => {
    const found = { state, reason: 'r', failures: 0, checkedAtMs, probedAtMs: null }
    return saveRouteHealth(
      db,
      ['to used', 'to unused', 'gone'].map((routeId) => ({ routeId, ...found })),
    )
  }
  expect(await save('up', 1_000)).toEqual([])
  const downs = await Promise.all([save('down', 2_000), save('down', 2_000), save('down', 2_001)])
  expect(downs.flat()).toEqual([listener])
  expect(await save('up', 1_500)).toEqual([])
  expect(await save('up', 3_000)).toEqual([listener])
  const data = { model: 'used', upstream: 'up' }
  expect(await told(listener, 'route.quality_changed')).toEqual([
    { ...data, state: 'down' },
    { ...data, state: 'up' },
  ])
  // A route that was never checked counts as up.
  await db.execute(sql`delete from ${routeHealth}`)
  const firsts = await Promise.all([save('down', 4_000), save('down', 4_000)])
  expect(firsts.flat()).toEqual([listener])
})
