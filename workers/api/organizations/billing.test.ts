import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiKey } from '#db/queries/create-api-key.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { changeOrganizationAccount } from '#db/queries/set-organization-account.ts'
import { settlementEvent } from '#db/testing/usage-events.ts'
import { type Role, roles } from '#shared/access/roles.ts'
import { SpendAlert } from '#shared/contracts/api/billing.ts'
import { newId } from '#shared/values/id.ts'
import { atOnce } from '../testing/at-once.ts'
import { auditOf } from '../testing/audit-of.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage.stop())

/** An organization with a member of every role, and a stranger to it. */
async function staffed(): Promise<{ organizationId: string; as: Record<Role, TestPerson>; stranger: TestPerson }> {
  const people = await Promise.all(roles.map(async (role) => [role, await stage.person()] as const))
  const organizationId = await stage.organization(people.map(([role, person]) => [person, role]))
  // Each role has one entry.
  return { organizationId, as: Object.fromEntries(people) as Record<Role, TestPerson>, stranger: await stage.person() }
}

function ask(
  method: string,
  organizationId: string,
  rest: string,
  { cookie }: TestPerson,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  return stage.call(method, `/api/organizations/${organizationId}/${rest}`, { cookie, headers, ...(body !== undefined && { body }) })
}

/** What each role and the stranger are answered, in the order of the access matrix. */
function statuses({ as, stranger }: Awaited<ReturnType<typeof staffed>>, request: (person: TestPerson) => ReturnType<typeof ask>) {
  return Promise.all([...roles.map((role) => as[role]), stranger].map(async (person) => (await request(person)).status))
}

function credit(organizationId: string, amountNanos: number) {
  const kind = amountNanos < 0 ? 'debit' : 'credit'
  return postEntry(stage.db, { organizationId, amountNanos, kind, eventId: newId('crd'), reason: 'a gift (operator@example.com)' })
}

describe('settings', () => {
  const settings = { defaultKeyLimits: { requestsPerMinute: 5 }, logRetentionDays: 30, lowBalanceNanos: 1_000 }
  const untouched = { defaultKeyLimits: {}, logRetentionDays: null, lowBalanceNanos: null }
  const put = (organizationId: string, person: TestPerson, etag: string | null, body: unknown = settings) =>
    ask('PUT', organizationId, 'settings', person, body, etag === null ? {} : { 'if-match': etag })

  test('are replaced by who has seen them, and by no one who has not', async () => {
    const { organizationId, as } = await staffed()
    const read = await ask('GET', organizationId, 'settings', as.viewer)
    const etag = read.headers.get('etag') ?? ''
    expect([read.json, etag]).toEqual([untouched, '"1"'])
    expect(await put(organizationId, as.admin, null)).toMatchObject({ status: 428, json: { code: 'precondition_required' } })
    for (const stale of ['"0"', '1', '', '*', '"1'])
      expect(await put(organizationId, as.admin, stale)).toMatchObject({ status: 412, json: { code: 'precondition_failed' } })
    expect(await auditOf(stage, organizationId)).toEqual([])
    const replaced = await put(organizationId, as.admin, etag)
    expect([replaced.status, replaced.json, replaced.headers.get('etag')]).toEqual([200, settings, '"2"'])
    expect((await put(organizationId, as.owner, etag)).status).toBe(412)
    expect((await put(organizationId, as.owner, '"7", W/"2"', untouched)).status).toBe(200)
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { actor: as.admin.userId, action: 'organization.settings_changed', before: untouched, after: settings },
      { actor: as.owner.userId, before: settings, after: untouched },
    ])
  })

  test('that two replace at once are those of one of them', async () => {
    const { organizationId, as } = await staffed()
    const requests = [as.owner, as.admin].map((person) => () => put(organizationId, person, '"1"'))
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, requests)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412])
  })

  test('are read by every member and changed by owners and admins', async () => {
    const staff = await staffed()
    const { organizationId } = staff
    expect(await statuses(staff, (person) => ask('GET', organizationId, 'settings', person))).toEqual([200, 200, 200, 200, 200, 404])
    expect(await statuses(staff, (person) => put(organizationId, person, '"0"'))).toEqual([412, 412, 403, 403, 403, 404])
  })

  test('out of range, misspelt or incomplete are refused', async () => {
    const { organizationId, as } = await staffed()
    const wrong = [
      { ...settings, logRetentionDays: 0 },
      { ...settings, logRetentionDays: 3_651 },
      { ...settings, lowBalanceNanos: -1 },
      { ...settings, lowBalanceNanos: 2 ** 53 },
      { ...settings, defaultKeyLimits: { requestPerMinute: 1 } },
      { ...settings, balanceNanos: 1 },
      { logRetentionDays: 1 },
    ]
    for (const body of wrong) expect([body, (await put(organizationId, as.owner, '"1"', body)).status]).toEqual([body, 400])
    expect((await readOrganization(stage.db, organizationId))?.settingsVersion).toBe(1)
  })
})

describe('spend caps', () => {
  const caps = { spendPerDayNanos: 500, spendPerMonthNanos: null }

  test('go to the ledger object with the limits that the operator set', async () => {
    const { organizationId, as } = await staffed()
    await changeOrganizationAccount(stage.db, organizationId, { limits: { concurrency: 3, spendPerMonthNanos: 9 } })
    const replaced = await ask('PUT', organizationId, 'spend-caps', as.billing_admin, caps)
    expect(replaced).toMatchObject({ status: 200, json: { isCapped: true, ...caps } })
    const limits = { concurrency: 3, spendPerDayNanos: 500 }
    expect(stage.ledger.pushed.filter((snapshot) => snapshot.organizationId === organizationId)).toMatchObject([{ limits, version: 3 }])
    expect((await readOrganization(stage.db, organizationId))?.limits).toEqual(limits)
    expect(await auditOf(stage, organizationId)).toMatchObject([
      {
        actor: as.billing_admin.userId,
        action: 'organization.spend_caps_changed',
        before: { spendPerDayNanos: null, spendPerMonthNanos: 9 },
        after: caps,
      },
    ])
  })

  test('that the ledger object could not hear of wait in the outbox', async () => {
    const { organizationId, as } = await staffed()
    stage.ledger.broken = true
    const answer = await ask('PUT', organizationId, 'spend-caps', as.owner, caps).finally(() => {
      stage.ledger.broken = false
    })
    expect(answer).toMatchObject({ status: 200, json: caps })
    const { rows } = await stage.database.pool.query('select version::int from ledger_pushes where organization_id = $1', [organizationId])
    expect(rows).toEqual([{ version: 2 }])
  })

  test('are set by those who pay, and known in full to those who see the balance', async () => {
    const staff = await staffed()
    const { organizationId, as } = staff
    expect(await statuses(staff, (person) => ask('PUT', organizationId, 'spend-caps', person, caps))).toEqual([
      200, 200, 200, 403, 403, 404,
    ])
    const read = (role: Role) => ask('GET', organizationId, 'spend-caps', as[role])
    expect((await read('billing_admin')).json).toEqual({ isCapped: true, ...caps })
    for (const role of ['developer', 'viewer'] as const)
      expect((await read(role)).json).toEqual({ isCapped: true, spendPerDayNanos: null, spendPerMonthNanos: null })
    for (const wrong of [
      { spendPerDayNanos: 1 },
      { ...caps, spendPerDayNanos: '1' },
      { ...caps, spendPerDayNanos: 4_500_000_000_000_001 },
      { ...caps, concurrency: 1 },
    ])
      expect((await ask('PUT', organizationId, 'spend-caps', as.owner, wrong)).status).toBe(400)
    expect(await auditOf(stage, organizationId)).toHaveLength(3)
  })
})

describe('spend alerts', () => {
  const wanted = { period: 'day', amountNanos: 5_000 }

  test('are made, listed and deleted, each told in the audit log', async () => {
    const staff = await staffed()
    const { organizationId, as } = staff
    const { alertId } = SpendAlert.parse((await ask('POST', organizationId, 'spend-alerts', as.owner, wanted)).json)
    expect((await ask('GET', organizationId, 'spend-alerts', as.admin)).json).toMatchObject({ data: [{ alertId, ...wanted }] })
    const another = await staffed()
    expect((await ask('DELETE', another.organizationId, `spend-alerts/${alertId}`, another.as.owner)).status).toBe(404)
    expect((await ask('DELETE', organizationId, `spend-alerts/${alertId}`, as.billing_admin)).status).toBe(204)
    expect((await ask('DELETE', organizationId, `spend-alerts/${alertId}`, as.billing_admin)).status).toBe(404)
    expect(await auditOf(stage, organizationId)).toMatchObject([
      { action: 'spend_alert.created', target: alertId, before: null, after: wanted },
      { action: 'spend_alert.deleted', target: alertId, before: wanted, after: null },
    ])
    for (const [method, body] of [['GET'], ['POST', wanted]] as const)
      expect((await statuses(staff, (person) => ask(method, organizationId, 'spend-alerts', person, body))).slice(3)).toEqual([
        403, 403, 404,
      ])
    for (const body of [
      { ...wanted, amountNanos: 0 },
      { ...wanted, period: 'year' },
      { ...wanted, raisedFor: 'x' },
    ])
      expect((await ask('POST', organizationId, 'spend-alerts', as.owner, body)).status).toBe(400)
  })

  test('are twenty at most, also when two are made at once', async () => {
    const { organizationId, as } = await staffed()
    await stage.db.execute(sql`insert into spend_alerts (id, organization_id, period, amount_nanos)
      select ${organizationId} || n, ${organizationId}, 'day', n from generate_series(1, 19) n`)
    const create = () => ask('POST', organizationId, 'spend-alerts', as.owner, wanted)
    const answers = await atOnce(stage, { table: 'organizations', id: organizationId }, [create, create])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  })
})

describe('the balance', () => {
  const noAmounts = {
    balanceNanos: null,
    promotionalNanos: null,
    overdraftNanos: null,
    lowBalanceNanos: null,
    heldNanos: null,
    unconfirmedNanos: null,
    availableNanos: null,
  }

  test('is told with what the ledger object holds, and without it while that is away', async () => {
    const { organizationId, as } = await staffed()
    await credit(organizationId, 50_000_000)
    const key = { keyId: newId('key'), organizationId, name: 'k', keyHash: 'a'.repeat(64), redacted: 'r' }
    await createApiKey(stage.db, key)
    const known = { balanceNanos: 50_000_000, promotionalNanos: 0, overdraftNanos: 0 }
    const read = () => ask('GET', organizationId, 'balance', as.billing_admin)
    expect((await read()).json).toEqual({ ...noAmounts, ...known, state: 'ok' })
    stage.ledger.standing = { availableNanos: 30_000_000, heldNanos: 15_000_000, unconfirmedNanos: 5_000_000 }
    const full = await read().finally(() => {
      stage.ledger.standing = null
    })
    expect(full.json).toMatchObject({ ...known, heldNanos: 15_000_000, unconfirmedNanos: 5_000_000, availableNanos: 30_000_000 })
  })

  test('is told to developers and viewers in a word, and to strangers not at all', async () => {
    const staff = await staffed()
    const { organizationId, as } = staff
    const states: unknown[] = []
    const tell = async (person: TestPerson) => states.push((await ask('GET', organizationId, 'balance', person)).json)
    await tell(as.viewer)
    await changeOrganizationAccount(stage.db, organizationId, { lowBalanceNanos: 40_000_000 })
    await credit(organizationId, 39_999_999)
    await tell(as.developer)
    await credit(organizationId, 1)
    await tell(as.viewer)
    await changeOrganizationAccount(stage.db, organizationId, { overdraftNanos: 9_999_999, lowBalanceNanos: null })
    await credit(organizationId, -40_000_000)
    await tell(as.viewer)
    await credit(organizationId, 1)
    await tell(as.viewer)
    expect(states).toEqual(['exhausted', 'low', 'ok', 'exhausted', 'ok'].map((state) => ({ state, ...noAmounts })))
    expect(await statuses(staff, (person) => ask('GET', organizationId, 'balance', person))).toEqual([200, 200, 200, 200, 200, 404])
  })
})

describe('movements of the balance', () => {
  test('are listed page by page and by kind, and an operator is not named', async () => {
    const { organizationId, as } = await staffed()
    const neighbour = await staffed()
    await credit(organizationId, 700)
    await credit(neighbour.organizationId, 1)
    const event = settlementEvent({ costNanos: 200 })
    await recordUsage(stage.db, [{ organizationId, events: [event] }])
    await credit(organizationId, -100)
    const list = (query: string) => ask('GET', organizationId, `ledger-entries?${query}`, as.billing_admin)
    const all = await list('')
    expect(all.json).toMatchObject({
      data: [
        { kind: 'debit', amountNanos: -100, requestId: null },
        { kind: 'settlement', amountNanos: -200, requestId: event.request.requestId },
        { kind: 'credit', amountNanos: 700, requestId: null },
      ],
      next: null,
    })
    expect(all.text).not.toContain('operator')
    const first = await list('limit=1&kinds=credit,debit')
    expect(first.json).toMatchObject({ data: [{ kind: 'debit' }] })
    const { next } = first.json as { next: string }
    expect((await list(`limit=1&kinds=credit,debit&cursor=${next}`)).json).toMatchObject({ data: [{ kind: 'credit' }], next: null })
    const foreign = await ask('GET', neighbour.organizationId, `ledger-entries?cursor=${next}`, neighbour.as.owner)
    expect(foreign).toMatchObject({ status: 400, json: { errors: [{ parameter: 'cursor' }] } })
    for (const wrong of [
      'kinds=',
      'kinds=gift',
      'kinds=credit,',
      'limit=0',
      'limit=201',
      'cursor=AAAA',
      'cursor=%00',
      'kinds=credit&kinds=debit',
    ])
      expect([wrong, (await list(wrong)).status]).toEqual([wrong, 400])
  })

  test('and events are for those who may see the whole balance', async () => {
    const staff = await staffed()
    const { organizationId, as } = staff
    await changeOrganizationAccount(stage.db, organizationId, { lowBalanceNanos: 20_000_000 })
    await credit(organizationId, 30_000_000)
    await credit(organizationId, -15_000_000)
    await credit(organizationId, -10_000_000)
    for (const list of ['ledger-entries', 'events'])
      expect(await statuses(staff, (person) => ask('GET', organizationId, list, person))).toEqual([200, 200, 200, 403, 403, 404])
    const first = await ask('GET', organizationId, 'events?limit=1', as.owner)
    expect(first.json).toMatchObject({
      data: [{ type: 'balance.exhausted', data: { balanceNanos: 5_000_000, thresholdNanos: 10_000_000 } }],
    })
    const { next } = first.json as { next: string }
    const second = await ask('GET', organizationId, `events?limit=1&cursor=${next}`, as.owner)
    expect(second.json).toMatchObject({ data: [{ type: 'balance.low', data: { balanceNanos: 15_000_000 } }], next: null })
    expect((await ask('GET', organizationId, `ledger-entries?cursor=${next}`, as.owner)).status).toBe(400)
  })
})
