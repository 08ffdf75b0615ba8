import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UsageBatch, UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { requestLogs, usageDaily, usageRecords } from '../schema/index.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { adjustmentEvent, newCustomer, settlementEvent, usedEvent } from '../testing/usage-events.ts'
import { ensurePartitions } from './ensure-partitions.ts'
import { readOrganization } from './read-organization.ts'
import { reconcile } from './reconcile.ts'
import { isMissingPartition, recordUsage } from './record-usage.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const balanceOf = async (organizationId: string) => (await readOrganization(database.db, organizationId))?.balanceNanos
const recordsOf = (organizationId: string) => database.db.select().from(usageRecords).where(eq(usageRecords.organizationId, organizationId))
const logsOf = (organizationId: string) => database.db.select().from(requestLogs).where(eq(requestLogs.organizationId, organizationId))
const daysOf = (organizationId: string) => database.db.select().from(usageDaily).where(eq(usageDaily.organizationId, organizationId))
const recordFor = (organizationId: string, ...events: UsageEvent[]) => recordUsage(database.db, [{ organizationId, events }])

describe('an event lands once', () => {
  test('when it stands twice in one batch and in two batches of one call', async () => {
    const organizationId = await newCustomer(database.db)
    const event = settlementEvent({ costNanos: 700 })
    const accounts = await recordUsage(database.db, [
      { organizationId, events: [event, event] },
      { organizationId, events: [event] },
    ])
    expect(accounts).toEqual([{ organizationId, balanceNanos: -700, version: 2, recorded: 1, raised: 0, paused: 0 }])
    expect(await recordsOf(organizationId)).toHaveLength(1)
  })

  test('when it is delivered again, beside a new one', async () => {
    const organizationId = await newCustomer(database.db)
    const [first, second] = [settlementEvent({ costNanos: 700 }), settlementEvent({ costNanos: 30 })]
    await recordFor(organizationId, first)
    expect(await recordFor(organizationId, second, first)).toEqual([
      { organizationId, balanceNanos: -730, version: 3, recorded: 1, raised: 0, paused: 0 },
    ])
    expect(await recordFor(organizationId, first, second)).toEqual([
      { organizationId, balanceNanos: -730, version: 3, recorded: 0, raised: 0, paused: 0 },
    ])
    expect(await daysOf(organizationId)).toMatchObject([{ requests: 2, outputTokens: 100, costNanos: 730 }])
    expect(await logsOf(organizationId)).toHaveLength(2)
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })

  test('when parallel consumers hold the same events in another order', async () => {
    const customers = await Promise.all(Array.from({ length: 6 }, () => newCustomer(database.db)))
    const batches: UsageBatch[] = customers.flatMap((organizationId) =>
      Array.from({ length: 20 }, () => ({
        organizationId,
        events: [settlementEvent({ costNanos: 1 }), settlementEvent({ costNanos: 10 })],
      })),
    )
    const deliveries = Array.from({ length: 24 }, (_, round) => {
      const part = batches.filter((_, index) => (index + round) % 3 !== 0)
      return round % 2 === 0 ? part : part.toReversed()
    })
    await Promise.all(deliveries.map((delivery) => recordUsage(database.db, delivery)))
    for (const organizationId of customers) {
      expect(await balanceOf(organizationId)).toBe(-220)
      expect(await recordsOf(organizationId)).toHaveLength(40)
      expect(await reconcile(database.db, organizationId)).toEqual([])
    }
  })
})

test('a free request is anchored by an entry of zero', async () => {
  const organizationId = await newCustomer(database.db)
  const event = settlementEvent({ costNanos: 0 })
  expect(await recordFor(organizationId, event)).toMatchObject([{ balanceNanos: 0, recorded: 1 }])
  expect(await recordFor(organizationId, event)).toMatchObject([{ balanceNanos: 0, recorded: 0 }])
  expect(await recordsOf(organizationId)).toHaveLength(1)
})

describe("a request that a customer's own credential served", () => {
  const credentials = async (organizationId: string) =>
    [...(await recordsOf(organizationId)), ...(await logsOf(organizationId))].map(({ credentialId }) => credentialId)

  test('costs nothing, and its record and log name the credential', async () => {
    const organizationId = await newCustomer(database.db)
    const event = usedEvent([['byk_1', 'answered']])
    expect(await recordFor(organizationId, event)).toMatchObject([{ balanceNanos: 0, recorded: 1 }])
    expect(await recordFor(organizationId, event)).toMatchObject([{ balanceNanos: 0, recorded: 0 }])
    expect(await credentials(organizationId)).toEqual(['byk_1', 'byk_1'])
    expect(await daysOf(organizationId)).toMatchObject([{ requests: 1, outputTokens: 50, costNanos: 0 }])
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })

  test.each(['settlement first', 'adjustment first'])('is named by what its adjustment says, %s', async (order) => {
    const organizationId = await newCustomer(database.db)
    const orphan = settlementEvent({ costNanos: 0 })
    const truth = usedEvent([['byk_1', 'answered']], { requestId: orphan.request.requestId, startedAtMs: orphan.request.startedAtMs })
    const adjustment: UsageEvent = { ...truth, kind: 'adjustment' }
    for (const event of order === 'settlement first' ? [orphan, adjustment] : [adjustment, orphan]) await recordFor(organizationId, event)
    expect(await credentials(organizationId)).toEqual(['byk_1', 'byk_1'])
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })
})

test('an absent bucket is stored as null, a reported zero as zero, a text as it was', async () => {
  const organizationId = await newCustomer(database.db)
  const event = settlementEvent()
  await recordFor(organizationId, event)
  expect(await recordsOf(organizationId)).toMatchObject([
    { inputTokens: 100, cacheReadTokens: 0, cacheWrite5mTokens: null, settledAt: new Date(event.settledAtMs) },
  ])
  expect(await logsOf(organizationId)).toMatchObject([{ inputTokens: 100, userAgent: event.request.userAgent, provider: 'scripted' }])
})

test('events of an organization that does not exist are not recorded and not answered', async () => {
  const organizationId = await newCustomer(database.db)
  const stranger = newId('org')
  const accounts = await recordUsage(database.db, [
    { organizationId: stranger, events: [settlementEvent()] },
    { organizationId, events: [settlementEvent()] },
  ])
  expect(accounts.map((account) => account.organizationId)).toEqual([organizationId])
  expect(await recordsOf(stranger)).toEqual([])
})

describe('an adjustment brings record, log, day and balance to the truth', () => {
  const requestId = () => newId('req')
  const settledAtMs = Date.now()

  async function expectTruth(organizationId: string) {
    expect(await balanceOf(organizationId)).toBe(-250)
    expect(await recordsOf(organizationId)).toMatchObject([{ costNanos: 250, outputTokens: 9, estimated: false }])
    expect(await logsOf(organizationId)).toMatchObject([{ outputTokens: 9, outcome: 'completed', status: 200 }])
    expect(await daysOf(organizationId)).toMatchObject([{ requests: 1, outputTokens: 9, costNanos: 250 }])
    expect(await reconcile(database.db, organizationId)).toEqual([])
  }

  function pair() {
    const id = requestId()
    const startedAtMs = settledAtMs - 5_000
    const settlement = settlementEvent({ requestId: id, costNanos: 400, settledAtMs, startedAtMs })
    Object.assign(settlement.settlement, { end: 'expired', status: null, estimated: true })
    const truth = { requestId: id, costNanos: 250, amountNanos: 150, outputTokens: 9, settledAtMs: settledAtMs + 50, startedAtMs }
    return { settlement, adjustment: adjustmentEvent(truth) }
  }

  test('after its settlement, and again', async () => {
    const organizationId = await newCustomer(database.db)
    const { settlement, adjustment } = pair()
    await recordFor(organizationId, settlement)
    await recordFor(organizationId, adjustment)
    await recordFor(organizationId, adjustment, settlement)
    await expectTruth(organizationId)
  })

  test('before its settlement', async () => {
    const organizationId = await newCustomer(database.db)
    const { settlement, adjustment } = pair()
    await recordFor(organizationId, adjustment)
    await recordFor(organizationId, settlement)
    await expectTruth(organizationId)
  })

  test.each(['settlement first', 'adjustment first'])('in one batch, %s', async (order) => {
    const organizationId = await newCustomer(database.db)
    const { settlement, adjustment } = pair()
    await recordFor(organizationId, ...(order === 'settlement first' ? [settlement, adjustment] : [adjustment, settlement]))
    await expectTruth(organizationId)
  })

  test('while its settlement is being recorded by another consumer', async () => {
    const organizationId = await newCustomer(database.db)
    const pairs = Array.from({ length: 30 }, pair)
    await Promise.all(
      pairs.flatMap(({ settlement, adjustment }) => [recordFor(organizationId, settlement), recordFor(organizationId, adjustment)]),
    )
    expect(await balanceOf(organizationId)).toBe(-250 * 30)
    expect((await recordsOf(organizationId)).map((row) => row.costNanos)).toEqual(Array(30).fill(250))
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })
})

describe('months', () => {
  test('a missing partition is told apart, nothing is recorded, and after its creation all is', async () => {
    const organizationId = await newCustomer(database.db)
    const settledAtMs = Date.UTC(2031, 0, 31, 23, 59, 59, 999)
    const events = [settlementEvent(), settlementEvent({ settledAtMs })]
    const error = await recordFor(organizationId, ...events).catch((reason: unknown) => reason)
    expect(isMissingPartition(error)).toBe(true)
    expect(await balanceOf(organizationId)).toBe(0)
    await Promise.all([ensurePartitions(database.db, [settledAtMs]), ensurePartitions(database.db, [settledAtMs])])
    expect(await recordFor(organizationId, ...events)).toMatchObject([{ balanceNanos: -2_000, recorded: 2 }])
  })

  test('a request that ends in another month than it began, and is adjusted there, has one record and one log', async () => {
    const organizationId = await newCustomer(database.db)
    const [startedAtMs, settledAtMs] = [Date.UTC(2030, 0, 31, 23, 59, 59, 900), Date.UTC(2030, 1, 1)]
    await ensurePartitions(database.db, [startedAtMs, settledAtMs])
    const requestId = newId('req')
    await recordFor(organizationId, settlementEvent({ requestId, costNanos: 400, startedAtMs, settledAtMs }))
    await recordFor(
      organizationId,
      adjustmentEvent({ requestId, costNanos: 500, amountNanos: -100, startedAtMs, settledAtMs: settledAtMs + 2 * 86_400_000 }),
    )
    const where = await database.db.execute(sql`
      select tableoid::regclass::text as name from usage_records where organization_id = ${organizationId}
      union all select tableoid::regclass::text from request_logs where organization_id = ${organizationId}`)
    expect(where).toMatchObject({ rows: [{ name: 'usage_records_2030_02' }, { name: 'request_logs_2030_01' }] })
    expect(await daysOf(organizationId)).toMatchObject([{ day: '2030-02-01', requests: 1, costNanos: 500 }])
    expect(await reconcile(database.db, organizationId)).toEqual([])
  })
})

test('an event that Postgres refuses takes its batch with it', async () => {
  const organizationId = await newCustomer(database.db)
  const poison = settlementEvent({ model: 'nul \0 byte' })
  await expect(recordFor(organizationId, settlementEvent(), poison)).rejects.toThrow()
  expect(await balanceOf(organizationId)).toBe(0)
  expect(await recordsOf(organizationId)).toEqual([])
})
