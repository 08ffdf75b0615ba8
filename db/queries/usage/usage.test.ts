import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { readRows } from '../../statements.ts'
import { startTestDatabase, type TestDatabase } from '../../testing/database.ts'
import { adjustmentEvent, newCustomer, settlementEvent } from '../../testing/usage-events.ts'
import { ensurePartitions, monthsFrom } from '../ensure-partitions.ts'
import { reconcilePage } from '../reconcile-page.ts'
import { recordUsage } from '../record-usage.ts'
import { purgeRequestLogs } from './purge-request-logs.ts'
import { readUsage, type UsageQuestion } from './read-usage.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
  await ensurePartitions(database.db, monthsFrom(Date.UTC(2026, 0), 4))
})
afterAll(() => database.stop())

const minuteMs = 60_000
/** Hours before, in and after which a day, a month and a change to summer time in many places fall. */
const turns = [Date.UTC(2026, 0, 31, 23), Date.UTC(2026, 1, 1), Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 2, 31, 23)]

const request = fc.record({
  settledAtMs: fc.tuple(fc.constantFrom(...turns), fc.integer({ min: -90, max: 90 })).map(([turn, minutes]) => turn + minutes * minuteMs),
  costNanos: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  outputTokens: fc.integer({ min: 0, max: 1_000 }),
  keyId: fc.constantFrom('key_1', 'key_2'),
  model: fc.constantFrom('gpt-a', 'claude-b'),
  /** What an adjustment says it cost, and how much later. */
  truth: fc.option(fc.record({ costNanos: fc.integer({ min: 0, max: 1_000_000 }), laterMs: fc.integer({ min: 0, max: 86_400_000 }) })),
  isAdjustedFirst: fc.boolean(),
})

function eventsOf({
  truth,
  isAdjustedFirst,
  ...choice
}: typeof request extends fc.Arbitrary<infer Request> ? Request : never): UsageEvent[] {
  const made = { ...choice, requestId: newId('req'), startedAtMs: choice.settledAtMs - 5_000 }
  const settlement = settlementEvent(made)
  if (!truth) return [settlement]
  const { costNanos, laterMs } = truth
  const amountNanos = made.costNanos - costNanos
  const adjustment = adjustmentEvent({ ...made, costNanos, amountNanos, settledAtMs: made.settledAtMs + laterMs, outputTokens: 7 })
  return isAdjustedFirst ? [adjustment, settlement] : [settlement, adjustment]
}

const Sum = z.object({ start: z.string(), requests: z.coerce.number(), outputTokens: z.coerce.number(), costNanos: z.coerce.number() })

test('by every granularity sums are those of the records to the nano, with adjustments and over the turns of days and months', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 9 }), async (requests, atOnce) => {
      const organizationId = await newCustomer(database.db)
      const events = requests.flatMap(eventsOf)
      for (let first = 0; first < events.length; first += atOnce)
        await recordUsage(database.db, [{ organizationId, events: events.slice(first, first + atOnce) }])
      for (const granularity of ['hour', 'day', 'month', 'total'] as const) {
        const [fromMs, toMs] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 4, 1)]
        const usual: Omit<UsageQuestion, 'granularity'> = {
          organizationId,
          fromMs,
          toMs,
          groupBy: 'none',
          keyIds: null,
          model: null,
          limit: null,
        }
        const points = await readUsage(database.db, { ...usual, granularity })
        const unit = granularity === 'total' ? 'year' : granularity
        const sums = await readRows(
          database.db,
          sql`select to_char(date_trunc(${unit}, settled_at, 'UTC') at time zone 'UTC', 'YYYY-MM-DD HH24') as start, count(*) as requests,
              sum(output_tokens) as "outputTokens", sum(cost_nanos) as "costNanos"
            from usage_records where organization_id = ${organizationId} group by 1 order by 1`,
          Sum,
        )
        expect(
          points.map(({ startMs, requests, outputTokens, costNanos }) => {
            return { start: new Date(startMs).toISOString().slice(0, 13).replace('T', ' '), requests, outputTokens, costNanos }
          }),
        ).toEqual(sums)
      }
      expect(await reconcilePage(database.db, { afterId: '', untilId: null })).toEqual([])
    }),
    { numRuns: 12 },
  )
})

test('a purge deletes what is older than its organization keeps, in bounded steps, and nothing else', async () => {
  const [days, forever, none] = [await newCustomer(database.db), await newCustomer(database.db), await newCustomer(database.db)]
  await database.db.execute(sql`update organizations set log_retention_days = 10 where id = ${days}`)
  await database.db.execute(sql`update organizations set log_retention_days = 3650 where id = ${forever}`)
  const dayMs = 86_400_000
  await ensurePartitions(database.db, monthsFrom(Date.now() - 70 * dayMs, 4))
  const ages = [60, 40, 30, 11, 10.01, 9.99, 1]
  for (const organizationId of [days, forever, none]) {
    const events = ages.map((age) => settlementEvent({ startedAtMs: Date.now() - age * dayMs, settledAtMs: Date.now() - age * dayMs + 5 }))
    await recordUsage(database.db, [{ organizationId, events }])
  }
  expect(await purgeRequestLogs(database.db, 2)).toBe(2)
  expect(await purgeRequestLogs(database.db, 100)).toBe(3)
  expect(await purgeRequestLogs(database.db, 100)).toBe(0)
  const left = await readRows(
    database.db,
    sql`select organization_id as id, count(*) as lines from request_logs where organization_id in (${days}, ${forever}, ${none}) group by 1`,
    z.object({ id: z.string(), lines: z.coerce.number() }),
  )
  expect(Object.fromEntries(left.map(({ id, lines }) => [id, lines]))).toEqual({ [days]: 2, [forever]: 7, [none]: 7 })
  expect(await reconcilePage(database.db, { afterId: '', untilId: null })).toEqual([])
})
