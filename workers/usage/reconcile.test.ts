import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createOrganization } from '#db/queries/create-organization.ts'
import { listReconciliations } from '#db/queries/list-reconciliations.ts'
import { parkEvents } from '#db/queries/park-events.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { adjustmentEvent, newCredential, newCustomer, settlementEvent, usedEvent } from '#db/testing/usage-events.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import type { Metrics } from './env.ts'
import { partitionsCron, reconciliationCron } from './limits.ts'
import { type ReconciliationSettings, reconcileBooks } from './reconcile.ts'
import { ScriptedAudits } from './testing/scripted-audits.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

/** Each test has the platform to itself, because a run sees every customer. */
beforeEach(async () => {
  await database.pool.query(
    'truncate organizations, api_keys, ledger_entries, usage_records, usage_daily, usage_hourly, request_logs, parked_events, reconciliations cascade',
  )
})

const minutesAgo = (minutes: number) => Date.now() - minutes * 60_000
const execute = (text: string, values: unknown[] = []) => database.pool.query(text, values)

function stage(changes: Partial<ReconciliationSettings> = {}) {
  const points: AnalyticsEngineDataPoint[] = []
  const metrics: Metrics = { writeDataPoint: (point) => void (point && points.push(point)) }
  const ledger = new ScriptedAudits(database.db)
  const run = async () => {
    const summary = await reconcileBooks({ db: database.db, ledger, metrics }, { secondLookAfterMs: 5, auditTurns: 1, ...changes })
    const [latest] = await listReconciliations(database.db, { runs: 1, findingsEach: 1_000 })
    return { summary, findings: latest?.findings ?? [], latest }
  }
  return { ledger, points, run }
}

/** A customer with credit, three requests on two days, and one of them corrected. */
async function busyCustomer() {
  const { db } = database
  const organizationId = await newCustomer(db)
  await postEntry(db, { organizationId, kind: 'credit', amountNanos: 10_000, eventId: `credit:${organizationId}`, reason: 'test' })
  const requestId = newId('req')
  const events = [
    settlementEvent({ requestId, costNanos: 100 }),
    settlementEvent({ costNanos: 20, settledAtMs: minutesAgo(24 * 60) }),
    settlementEvent({ costNanos: 3 }),
    adjustmentEvent({ requestId, costNanos: 90, amountNanos: 10 }),
  ]
  await recordUsage(db, [{ organizationId, events }])
  return { organizationId, requestId }
}

describe('books', () => {
  test('that are sound have no finding, and the run is one data point', async () => {
    for (let count = 0; count < 3; count++) await busyCustomer()
    const { run, points } = stage()
    const { summary, latest } = await run()
    expect(summary).toMatchObject({ customers: 3, audited: 3, findings: 0, byKind: {}, resumesAfter: null })
    expect(latest).toMatchObject({ customers: 3, findingCount: 0, findings: [], finishedMs: expect.any(Number), resumesAfter: null })
    expect(points).toHaveLength(1)
    expect(points[0]).toMatchObject({ indexes: ['run'], blobs: ['run', 'whole'] })
    expect(points[0]?.doubles?.slice(0, 3)).toEqual([3, 3, 0])
  })

  test("that hold requests of a customer's own credential are sound: free, and corrected from an estimate that was not", async () => {
    const { db } = database
    const organizationId = await newCustomer(db)
    const credentialId = await newCredential(db, organizationId)
    const estimate = settlementEvent({ costNanos: 40 })
    const truth = usedEvent([[credentialId, 'answered']], { requestId: estimate.request.requestId })
    const adjustment: UsageEvent = { ...truth, kind: 'adjustment', amountNanos: 40 }
    const refusals = Array.from({ length: 3 }, () => usedEvent([[credentialId, 'unauthorized']]))
    await recordUsage(db, [{ organizationId, events: [estimate, ...refusals] }])
    await recordUsage(db, [{ organizationId, events: [adjustment, usedEvent([[credentialId, 'answered']])] }])
    expect((await stage().run()).findings).toEqual([])
    await execute('update usage_records set cost_nanos = 1 where request_id = $1', [truth.request.requestId])
    expect((await stage().run()).findings.map(({ kind }) => kind)).toEqual(['daily_differs', 'hourly_differs', 'record_differs'])
  })

  test('a balance that left its entries by one nano is found, with both', async () => {
    const { organizationId } = await busyCustomer()
    await busyCustomer()
    await execute('update organizations set balance_nanos = balance_nanos + 1 where id = $1', [organizationId])
    const finding = { organizationId, kind: 'balance_differs', subject: null, expected: '9887', found: '9888' }
    const { run, points } = stage()
    const { findings, summary } = await run()
    expect(findings).toEqual([finding])
    expect(summary).toMatchObject({ findings: 1, byKind: { balance_differs: 1 } })
    expect(points[1]).toEqual({ indexes: [organizationId], blobs: ['finding', 'balance_differs', '', '9887', '9888'], doubles: [1] })
  })

  test('an entry that moved by one nano is found in the balance and in its request', async () => {
    const { organizationId, requestId } = await busyCustomer()
    await execute('update ledger_entries set amount_nanos = amount_nanos - 1 where event_id = $1', [`${requestId}:settlement`])
    expect((await stage().run()).findings).toEqual([
      { organizationId, kind: 'balance_differs', subject: null, expected: '9886', found: '9887' },
      { organizationId, kind: 'record_differs', subject: requestId, expected: '91', found: '90' },
    ])
  })

  test('a record that moved by one nano is found in its request, its day and its hour', async () => {
    const { organizationId, requestId } = await busyCustomer()
    await execute('update usage_records set cost_nanos = cost_nanos + 1 where request_id = $1', [requestId])
    const { findings } = await stage().run()
    const today = new Date().toISOString().slice(0, 10)
    expect(findings).toEqual([
      { organizationId, kind: 'daily_differs', subject: `${today} key_test gpt-relay-fast`, expected: '94', found: '93' },
      {
        organizationId,
        kind: 'hourly_differs',
        subject: expect.stringMatching(`^${today}T\\d\\dZ key_test gpt-relay-fast$`),
        expected: '94',
        found: '93',
      },
      { organizationId, kind: 'record_differs', subject: requestId, expected: '90', found: '91' },
    ])
  })

  test('a record that is gone, and one of a customer that does not exist, are found', async () => {
    const { organizationId, requestId } = await busyCustomer()
    await execute('delete from usage_records where request_id = $1', [requestId])
    await execute(
      `insert into usage_records select 'req_stray', 'org_zzz_stray', key_id, model, price_version_id, route_id, upstream, input_tokens, cache_read_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, 7, estimated, capped, started_at, settled_at
      from usage_records where organization_id = $1 limit 1`,
      [organizationId],
    )
    const { findings } = await stage().run()
    expect(findings).toContainEqual({ organizationId, kind: 'record_differs', subject: requestId, expected: '90', found: 'none' })
    expect(findings).toContainEqual({
      organizationId: 'org_zzz_stray',
      kind: 'record_differs',
      subject: 'req_stray',
      expected: 'none',
      found: '7',
    })
  })

  test('a nano that moved from one day to another is found in both', async () => {
    const { organizationId } = await busyCustomer()
    await execute(
      `update usage_daily set cost_nanos = cost_nanos + case when day = (now() at time zone 'UTC')::date then 1 else -1 end
      where organization_id = $1`,
      [organizationId],
    )
    const { findings } = await stage().run()
    expect(findings.map(({ kind, expected, found }) => [kind, expected, found])).toEqual([
      ['daily_differs', '20', '19'],
      ['daily_differs', '93', '94'],
    ])
  })

  test('an adjustment that overtook its settlement is no finding until it has been alone for long', async () => {
    const organizationId = await newCustomer(database.db)
    const requestId = newId('req')
    await recordUsage(database.db, [{ organizationId, events: [adjustmentEvent({ requestId, costNanos: 50, amountNanos: -10 })] }])
    expect((await stage().run()).findings).toEqual([])
    await execute(`update ledger_entries set created_at = created_at - interval '11 minutes'`)
    expect((await stage().run()).findings).toEqual([
      { organizationId, kind: 'record_differs', subject: requestId, expected: '10', found: '50' },
    ])
  })
})

describe('an object', () => {
  test('whose balance differs by one nano at the same version is found; at an older one it has only not heard', async () => {
    const [{ organizationId }, behind] = [await busyCustomer(), await busyCustomer()]
    const { ledger, run } = stage()
    ledger.says.set(organizationId, () => ({ balance: { balanceNanos: 9_886, version: 3 } }))
    ledger.says.set(behind.organizationId, () => ({ balance: { balanceNanos: 10_000, version: 2 } }))
    expect((await run()).findings).toEqual([
      { organizationId, kind: 'ledger_balance_differs', subject: null, expected: '9887', found: '9886' },
    ])
  })

  test('that knows a version Postgres has not reached is found', async () => {
    const { organizationId } = await busyCustomer()
    const { ledger, run } = stage()
    ledger.says.set(organizationId, () => ({ balance: { balanceNanos: 9_887, version: 4 } }))
    expect((await run()).findings).toEqual([{ organizationId, kind: 'ledger_ahead', subject: null, expected: '3', found: '4' }])
  })

  test('that holds money for a settled request is found, and one that lets go in time is not', async () => {
    const [leaking, settling] = [await busyCustomer(), await busyCustomer()]
    const { ledger, run } = stage()
    const holdOf = (requestId: string) => ({ holds: [{ requestId, holdNanos: 500, leaseExpiresAtMs: Date.now() + 60_000 }] })
    ledger.says.set(leaking.organizationId, () => holdOf(leaking.requestId))
    let looks = 0
    ledger.says.set(settling.organizationId, () => (looks++ === 0 ? holdOf(settling.requestId) : {}))
    const { organizationId, requestId } = leaking
    expect((await run()).findings).toEqual([
      { organizationId, kind: 'hold_after_settlement', subject: requestId, expected: '0', found: '500' },
    ])
    expect(looks).toBe(2)
  })

  test('that settled no hold whose lease ended long ago is found; a lease that just ended is left to its alarm', async () => {
    const organizationId = await newCustomer(database.db)
    const { ledger, run } = stage()
    const leaseExpiresAtMs = minutesAgo(11)
    ledger.says.set(organizationId, () => ({
      holds: [
        { requestId: 'req_long', holdNanos: 7, leaseExpiresAtMs },
        { requestId: 'req_now', holdNanos: 7, leaseExpiresAtMs: minutesAgo(1) },
      ],
    }))
    const expected = new Date(leaseExpiresAtMs).toISOString()
    expect((await run()).findings).toEqual([{ organizationId, kind: 'hold_overdue', subject: 'req_long', expected, found: '7' }])
  })

  test('with an event that stays open is found: unconfirmed, unrecorded or parked', async () => {
    const { db } = database
    const { ledger, run } = stage()
    const [unheard, lost, refused] = [
      settlementEvent({ costNanos: 1 }),
      settlementEvent({ costNanos: 2 }),
      settlementEvent({ costNanos: 3 }),
    ]
    const cases = [
      { event: unheard, organizationId: await newCustomer(db) },
      { event: lost, organizationId: await newCustomer(db) },
      { event: refused, organizationId: await newCustomer(db) },
    ]
    await recordUsage(db, [{ organizationId: cases[0]?.organizationId ?? '', events: [unheard] }])
    await execute(`update ledger_entries set created_at = '2026-01-02T03:04:05.678Z'`)
    await parkEvents(db, [{ eventId: eventIdOf(refused), reason: 'SQLSTATE 22021', body: {} }])
    for (const { event, organizationId } of cases) {
      const { amountNanos } = event
      ledger.says.set(organizationId, () => ({
        unconfirmed: [{ eventId: eventIdOf(event), amountNanos, settledAtMs: minutesAgo(11) }],
      }))
    }
    const { findings } = await run()
    const shown = findings.map(({ organizationId: _, ...finding }) => finding)
    expect(shown).toHaveLength(3)
    expect(shown).toEqual(
      expect.arrayContaining([
        { kind: 'event_unconfirmed', subject: eventIdOf(unheard), expected: '2026-01-02T03:04:05.678Z', found: '-1' },
        { kind: 'event_unrecorded', subject: eventIdOf(lost), expected: '-2', found: 'none' },
        { kind: 'event_parked', subject: eventIdOf(refused), expected: '-3', found: 'SQLSTATE 22021' },
      ]),
    )
  })

  test('that counts confirmed events again beside a stuck one, as after a restart, is only blamed for the stuck one', async () => {
    const organizationId = await newCustomer(database.db)
    const [confirmed, stuck] = [settlementEvent({ costNanos: 1 }), settlementEvent({ costNanos: 2 })]
    await recordUsage(database.db, [{ organizationId, events: [confirmed] }])
    await execute(`update ledger_entries set created_at = now() - interval '11 minutes'`)
    const { ledger, run } = stage()
    ledger.says.set(organizationId, () => ({
      unconfirmed: [confirmed, stuck].map((event) => {
        return { eventId: eventIdOf(event), amountNanos: event.amountNanos, settledAtMs: minutesAgo(11) }
      }),
    }))
    expect((await run()).findings).toMatchObject([{ kind: 'event_unrecorded', subject: eventIdOf(stuck) }])
  })

  test('that does not answer is a finding, and the others are seen', async () => {
    const [away, near] = [await busyCustomer(), await busyCustomer()]
    const { ledger, run } = stage()
    ledger.says.set(away.organizationId, () => Promise.reject(new Error('object is away')))
    const { findings, summary } = await run()
    const { organizationId } = away
    expect(findings).toEqual([
      { organizationId, kind: 'ledger_unreachable', subject: null, expected: 'an answer', found: 'Error: object is away' },
    ])
    expect(summary.audited).toBe(2)
    expect(ledger.asked).toContain(near.organizationId)
  })

  test('is asked every run when its customer was busy, and once in all turns when it looks idle', async () => {
    const busy = await busyCustomer()
    const idle = await Promise.all(Array.from({ length: 12 }, () => newCustomer(database.db)))
    const { ledger, run } = stage({ auditTurns: 4 })
    for (let runs = 0; runs < 4; runs++) await run()
    const times = (organizationId: string) => ledger.asked.filter((asked) => asked === organizationId).length
    expect(times(busy.organizationId)).toBe(4)
    expect(idle.map(times)).toEqual(idle.map(() => 1))
  })
})

describe('a run', () => {
  test('writes nothing to the books, whatever it finds', async () => {
    const { organizationId, requestId } = await busyCustomer()
    await execute('update organizations set balance_nanos = balance_nanos - 1 where id = $1', [organizationId])
    await execute('update usage_records set cost_nanos = cost_nanos + 1 where request_id = $1', [requestId])
    await execute('update usage_daily set cost_nanos = cost_nanos + 5 where organization_id = $1', [organizationId])
    const books = ['organizations', 'ledger_entries', 'usage_records', 'usage_daily', 'request_logs', 'parked_events']
    // xmin names the transaction that wrote a row last, so that rewriting the same values shows too.
    const read = () =>
      Promise.all(books.map(async (table) => (await execute(`select xmin::text, t.* from ${table} t order by 2, 3, 4, 5`)).rows))
    const before = await read()
    expect((await stage().run()).summary.findings).toBeGreaterThan(3)
    expect(await read()).toEqual(before)
  })

  test('that has spent its budget stops at the end of a page, and the next goes on there', async () => {
    const ids = ['org_a', 'org_b', 'org_c', 'org_d', 'org_e']
    for (const organizationId of ids) await createOrganization(database.db, { organizationId, name: 'Test' })
    await execute(`update organizations set balance_nanos = 1 where id in ('org_b', 'org_e')`)
    const { run, points } = stage({ customersPerPage: 2, budgetMs: 0 })
    const runs = [await run(), await run(), await run(), await run()]
    expect(
      runs.map(({ summary, findings }) => [summary.customers, summary.resumesAfter, findings.map((each) => each.organizationId)]),
    ).toEqual([
      [2, 'org_b', ['org_b']],
      [2, 'org_d', []],
      [1, null, ['org_e']],
      [2, 'org_b', ['org_b']],
    ])
    expect(points[0]?.blobs).toEqual(['run', 'part'])
    const whole = await stage({ customersPerPage: 2 }).run()
    expect(whole.latest).toMatchObject({ customers: 3, findingCount: 1, resumesAfter: null })
  })

  test('that died is gone on with after its last whole page, and keeps what it had found', async () => {
    const ids = ['org_a', 'org_b', 'org_c', 'org_d']
    for (const organizationId of ids) await createOrganization(database.db, { organizationId, name: 'Test' })
    await execute(`update organizations set balance_nanos = 1 where id in ('org_a', 'org_d')`)
    const { ledger, run } = stage({ customersPerPage: 2 })
    // What the query of its claims cannot parse ends the run in the middle of its second page.
    ledger.says.set('org_c', () => ({ unconfirmed: [{ eventId: 'half \0 of it', amountNanos: 1, settledAtMs: 0 }] }))
    await expect(run()).rejects.toThrow()
    const [died] = await listReconciliations(database.db, { runs: 1, findingsEach: 10 })
    expect(died).toMatchObject({ finishedMs: null, customers: 2, resumesAfter: 'org_b', findings: [{ organizationId: 'org_a' }] })
    ledger.says.clear()
    expect((await run()).latest).toMatchObject({ customers: 2, findings: [{ organizationId: 'org_d' }], resumesAfter: null })
  })

  test('beside recording, crediting and confirming finds nothing', async () => {
    const { db } = database
    const organizationIds = await Promise.all(Array.from({ length: 6 }, () => newCustomer(db)))
    const { ledger, run } = stage({ customersPerPage: 3 })
    const endsAtMs = Date.now() + 4_000
    let recorded = 0
    const traffic = organizationIds.map(async (organizationId) => {
      // The object's own course: a hold, the event it becomes, and its confirmation after Postgres has it. Its answer about a hold travels
      // for longer than the request lives, so that Postgres, asked next, knows it as settled.
      for (let turn = 0; Date.now() < endsAtMs; turn++) {
        const event = settlementEvent({ costNanos: 7 })
        const { requestId } = event.request
        const holds = [{ requestId, holdNanos: 9, leaseExpiresAtMs: Date.now() + 60_000 }]
        ledger.says.set(organizationId, () => new Promise((resolve) => setTimeout(resolve, 40, { holds })))
        await new Promise((resolve) => setTimeout(resolve, 5))
        const open = { eventId: eventIdOf(event), amountNanos: -7, settledAtMs: Date.now() }
        ledger.says.set(organizationId, () => ({ unconfirmed: [open] }))
        await recordUsage(db, [{ organizationId, events: [event, settlementEvent({ costNanos: 3 })] }])
        ledger.says.delete(organizationId)
        recorded += 2
        if (turn % 5 === 0) {
          await recordUsage(db, [{ organizationId, events: [adjustmentEvent({ requestId, costNanos: 5, amountNanos: 2 })] }])
          await postEntry(db, { organizationId, kind: 'credit', amountNanos: 11, eventId: newId('req'), reason: 'test' })
        }
      }
    })
    let runs = 0
    for (; Date.now() < endsAtMs; runs++) expect((await run()).findings).toEqual([])
    await Promise.all(traffic)
    expect(runs).toBeGreaterThan(3)
    // Some looked wrong at first, or the wait for a second look was not tested.
    expect(ledger.asked.length).toBeGreaterThan(runs * organizationIds.length)
    expect(recorded).toBeGreaterThan(100)
  })
})

test('wrangler.toml starts the jobs by the crons they are found by', () => {
  const configuration = readFileSync(new URL('../../wrangler.toml', import.meta.url).pathname, 'utf8')
  expect(configuration).toContain(`triggers.crons = ["${partitionsCron}", "${reconciliationCron}"]`)
})
