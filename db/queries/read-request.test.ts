import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Attempt, UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { readRows } from '../statements.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { adjustmentEvent, newCustomer, settlementEvent } from '../testing/usage-events.ts'
import { ensurePartitions, monthsFrom } from './ensure-partitions.ts'
import { readRequest, requestStatement } from './read-request.ts'
import { recordUsage } from './record-usage.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  await ensurePartitions(database.db, monthsFrom(Date.UTC(2031, 0), 6))
})
afterAll(() => database.stop())

const dayMs = 86_400_000

/** A settled request that began at a moment, as the relay makes it: its id tells that moment. */
function requestAt(startedAtMs: number, changes: Partial<UsageEvent['settlement']> = {}): UsageEvent {
  const event = settlementEvent({ requestId: newId('req', startedAtMs), keyId: 'key_1', startedAtMs, settledAtMs: startedAtMs + 800 })
  return { ...event, settlement: { ...event.settlement, ...changes } }
}

async function recorded(...events: UsageEvent[]): Promise<string> {
  const organizationId = await newCustomer(database.db)
  await recordUsage(database.db, [{ organizationId, events }])
  return organizationId
}

const read = (organizationId: string, { request: { requestId } }: UsageEvent, keyId = 'key_1') =>
  readRequest(database.db, { organizationId, keyIds: [keyId], requestId })

const answered: Attempt = { routeId: 'rte_test', upstream: 'scripted', outcome: 'answered', status: 200, latencyMs: 9, costNanos: 7 }
const overloaded: Attempt = { ...answered, routeId: 'rte_other', outcome: 'overloaded', status: 529, trace: 'trace-1' }

test.each<[string, Partial<UsageEvent['settlement']>, Partial<UsageEvent['settlement']>]>([
  ['with every bucket, an absent one absent', { usage: { inputTokens: 3, outputTokens: 0, images: 2, webSearches: 1 } }, {}],
  ['that used nothing', { usage: {}, costNanos: 0 }, {}],
  ['that reached no upstream', { routeId: null, upstream: null, status: 503, end: 'upstream_error', timeToFirstTokenMs: null }, {}],
  ['that was estimated and capped', { estimated: true, capped: true, end: 'client_left', status: null }, {}],
  ["that a credential of the customer's own served", { credentialId: 'byk_1', costNanos: 0 }, {}],
  ['with each of several attempts', { attempts: [overloaded, answered] }, {}],
  ['whose one attempt answered, which needs no word of it', { attempts: [answered] }, { attempts: undefined }],
  ['that was served another model', { served: { model: 'gpt-other', priceVersionId: 'prc_2' } }, { served: undefined }],
])('a request is read as it was settled: one %s', async (_, changes, left) => {
  const event = requestAt(Date.now(), changes)
  const organizationId = await recorded(event)
  const found = await read(organizationId, event)
  expect(found).toEqual({ request: { ...event.request, ...event.settlement.served }, settlement: { ...event.settlement, ...left } })
})

test('after its adjustment a request is the truth', async () => {
  const event = requestAt(Date.now())
  const { requestId, startedAtMs } = event.request
  const truth = adjustmentEvent({
    requestId,
    keyId: 'key_1',
    costNanos: 250,
    amountNanos: 750,
    startedAtMs,
    settledAtMs: startedAtMs + 9_000,
  })
  const organizationId = await recorded(event, truth)
  expect((await read(organizationId, event))?.settlement.costNanos).toBe(250)
})

test("another customer's request, and another key's, is not found", async () => {
  const event = requestAt(Date.now())
  const [organizationId, stranger] = [await recorded(event), await newCustomer(database.db)]
  expect(await read(organizationId, event)).not.toBeNull()
  expect(await readRequest(database.db, { organizationId, keyIds: null, requestId: event.request.requestId })).not.toBeNull()
  expect(await readRequest(database.db, { organizationId, keyIds: [], requestId: event.request.requestId })).toBeNull()
  expect(await read(stranger, event)).toBeNull()
  expect(await read(organizationId, event, 'key_2')).toBeNull()
})

test('a request that was never made, and an id that is none, is not found', async () => {
  const organizationId = await recorded(requestAt(Date.now()))
  expect(await read(organizationId, requestAt(Date.now()))).toBeNull()
  expect(await readRequest(database.db, { organizationId, keyIds: null, requestId: "req_' or true" })).toBeNull()
})

test('a request that ended in the month after its beginning, days later, is found', async () => {
  const startedAtMs = Date.UTC(2031, 2, 1) - 5
  const event = requestAt(startedAtMs)
  const late = { ...event, settledAtMs: startedAtMs + 6 * dayMs }
  expect(await read(await recorded(late), late)).not.toBeNull()
})

test.each([
  ['in the middle of a month', Date.UTC(2031, 2, 15), ['request_logs_2031_03', 'usage_records_2031_03']],
  ['near its end', Date.UTC(2031, 2, 30), ['request_logs_2031_03', 'usage_records_2031_03', 'usage_records_2031_04']],
])('only the months around a request are read, by their keys: %s', async (_, madeAtMs, partitions) => {
  const statement = requestStatement({ organizationId: 'org_1', keyIds: ['key_1'], requestId: newId('req', madeAtMs), madeAtMs })
  const lines = await readRows(database.db, sql`explain ${statement}`, z.object({ 'QUERY PLAN': z.string() }))
  const plan = lines.map((line) => line['QUERY PLAN']).join('\n')
  expect([...new Set(plan.match(/(?:request_logs|usage_records)_\d{4}_\d\d(?=[ \n])/g))].toSorted()).toEqual(partitions)
  expect(plan).not.toContain('Seq Scan')
})
