import { afterAll, beforeAll, test } from 'vitest'
import { listCustomerEvents } from '#db/queries/list-customer-events.ts'
import { parkEvents } from '#db/queries/park-events.ts'
import { recordUsage } from '#db/queries/record-usage.ts'
import { newCredential, settlementEvent, usedEvent } from '#db/testing/usage-events.ts'
import { CreatedCustomer, CustomerDetail } from '#shared/contracts/customer.ts'
import { CustomerEventList } from '#shared/contracts/events/customer-event.ts'
import { ParkedEventList } from '#shared/contracts/parked-event.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { eventsPerPage } from './limits.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

const cent = 10_000_000

test('a customer is told when its balance runs low and out, and can be asked what it was told', async ({ expect }) => {
  const body = { creditNanos: 10 * cent, lowBalanceNanos: 5 * cent, limits: { spendPerDayNanos: 3 * cent, spendPerMonthNanos: 0 } }
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', body)).json)
  const path = `/customers/${organizationId}`
  const debit = (amount: number, idempotencyKey: string) =>
    stage.call('POST', `${path}/credits`, { amountNanos: -amount * cent, idempotencyKey, reason: 'test' })
  await debit(6, 'first')
  await debit(4, 'second')
  const { events, next } = CustomerEventList.parse((await stage.call('GET', `${path}/events`)).json)
  expect(next).toBeNull()
  expect(events).toMatchObject([
    { type: 'balance.exhausted', data: { balanceNanos: 0, thresholdNanos: cent } },
    { type: 'balance.low', data: { balanceNanos: 4 * cent, thresholdNanos: 5 * cent } },
    { type: 'key.created', data: { name: 'First key', createdBy: 'operator.access', replaces: null } },
  ])
  // The webhooks Worker hears of the new key and of both debits that told something, and of no other.
  await debit(1, 'third')
  expect(stage.nudges.filter(({ organizationIds }) => organizationIds.includes(organizationId))).toHaveLength(3)
  const [newest] = await listCustomerEvents(stage.database.db, organizationId, { limit: 1 })
  const older = await stage.call('GET', `${path}/events?before=${newest?.id}`)
  expect(CustomerEventList.parse(older.json).events.map(({ type }) => type)).toEqual(['balance.low', 'key.created'])
  expect(CustomerDetail.parse((await stage.call('GET', path)).json)).toMatchObject({ lowBalanceNanos: 5 * cent, limits: body.limits })
})

test('a customer is told which of its credentials was paused, and nothing of a balance', async ({ expect }) => {
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  const credentialId = await newCredential(stage.database.db, organizationId)
  const refused = () => usedEvent([[credentialId, 'unauthorized']])
  await recordUsage(stage.database.db, [{ organizationId, events: [refused(), refused(), refused()] }])
  const { json } = await stage.call('GET', `/customers/${organizationId}/events`)
  const told = { id: expect.stringMatching(/^evt_[0-9a-f]{32}$/), version: 1, organizationId, createdAt: expect.any(String) }
  const key = { ...told, type: 'key.created', data: expect.anything() }
  expect(json).toEqual({ events: [{ ...told, type: 'byok.invalid', data: { credentialId } }, key], next: null })
})

test('a low balance is changed when it is named, taken away by null, and else stays', async ({ expect }) => {
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  const lowBalance = async (change: object) => {
    await stage.call('PUT', `/customers/${organizationId}/limits`, { limits: {}, ...change })
    return CustomerDetail.parse((await stage.call('GET', `/customers/${organizationId}`)).json).lowBalanceNanos
  }
  expect(await lowBalance({ lowBalanceNanos: 7 })).toBe(7)
  expect(await lowBalance({})).toBe(7)
  expect(await lowBalance({ lowBalanceNanos: null })).toBeNull()
})

for (const [what, body] of [
  ['a negative low balance', { limits: {}, lowBalanceNanos: -1 }],
  ['a low balance in text', { limits: {}, lowBalanceNanos: '5' }],
  ['a negative spend cap', { limits: { spendPerDayNanos: -1 } }],
  ['a fraction of a nano', { limits: { spendPerMonthNanos: 1.5 } }],
  ['more than an amount can be', { limits: { spendPerMonthNanos: 4_500_000_000_000_001 } }],
  ['a cap of a name that does not exist', { limits: { spendPerYearNanos: 1 } }],
] as const) {
  test(`${what} is refused and changes nothing`, async ({ expect }) => {
    const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
    expect((await stage.call('PUT', `/customers/${organizationId}/limits`, body)).status).toBe(400)
    const seen = CustomerDetail.parse((await stage.call('GET', `/customers/${organizationId}`)).json)
    expect(seen).toMatchObject({ limits: {}, lowBalanceNanos: null, version: 1 })
  })
}

test('a key takes spend caps, which its ledger object hears of; one it cannot keep is refused', async ({ expect }) => {
  const { organizationId, keyId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  const put = (limits: object) => stage.call('PUT', `/customers/${organizationId}/keys/${keyId}/limits`, { limits })
  expect((await put({ spendPerDayNanos: 3, spendPerMonthNanos: 0 })).json).toMatchObject({ pushed: true })
  for (const limits of [{ spendPerDayNanos: -1 }, { spendPerDayNanos: 0.5 }, { spendPerMonthNanos: '3' }, { spendPerDay: 1 }])
    expect([limits, (await put(limits)).status]).toEqual([limits, 400])
  expect(stage.ledger.pushed.at(-1)?.keys).toMatchObject([{ keyId, limits: { spendPerDayNanos: 3, spendPerMonthNanos: 0 } }])
})

test('a page that is no number, or is asked for by another name, is refused', async ({ expect }) => {
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  for (const path of ['/parked-events', `/customers/${organizationId}/events`]) {
    for (const page of ['?before=x', '?before=', '?before=0', '?before=-1', '?before=1.5', '?before=1&before=2', '?after=1'])
      expect([path, page, (await stage.call('GET', path + page)).status]).toEqual([path, page, 400])
  }
})

test('a customer sees its own events only', async ({ expect }) => {
  const [one, other] = await Promise.all([1, 2].map(async () => (await stage.call('POST', '/customers', { creditNanos: cent })).json))
  const { organizationId } = CreatedCustomer.parse(one)
  const taken = { amountNanos: -1, idempotencyKey: organizationId, reason: 'test' }
  await stage.call('POST', `/customers/${organizationId}/credits`, taken)
  const eventsOf = async (id: string) => CustomerEventList.parse((await stage.call('GET', `/customers/${id}/events`)).json).events
  expect(await eventsOf(organizationId)).toMatchObject([
    { type: 'balance.exhausted', data: { balanceNanos: cent - 1 } },
    { type: 'key.created', organizationId },
  ])
  expect(await eventsOf(CreatedCustomer.parse(other).organizationId)).toMatchObject([{ type: 'key.created' }])
})

test('parked events are listed newest first, page by page', async ({ expect }) => {
  const events = Array.from({ length: eventsPerPage + 1 }, (_, index) => ({
    eventId: index === 0 ? null : `req_${index}:settlement`,
    reason: 'SQLSTATE 22P05',
    body: { organizationId: index === 0 ? null : 'org_1' },
  }))
  await parkEvents(stage.database.db, events)
  const first = ParkedEventList.parse((await stage.call('GET', '/parked-events')).json)
  expect(first.parked).toHaveLength(eventsPerPage)
  expect(first.parked[0]).toMatchObject({ eventId: `req_${eventsPerPage}:settlement`, organizationId: 'org_1', reason: 'SQLSTATE 22P05' })
  const rest = ParkedEventList.parse((await stage.call('GET', `/parked-events?before=${first.next}`)).json)
  expect(rest).toMatchObject({ parked: [{ eventId: null, organizationId: null }], next: null })
})

test('a parked event that is recorded after all says when', async ({ expect }) => {
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', {})).json)
  const [recorded, waiting] = [settlementEvent(), settlementEvent()]
  const park = (event: UsageEvent) => ({ eventId: eventIdOf(event), reason: 'SQLSTATE 22P05', body: { organizationId, event } })
  await parkEvents(stage.database.db, [recorded, waiting].map(park))
  await recordUsage(stage.database.db, [{ organizationId, events: [recorded] }])
  const { parked } = ParkedEventList.parse((await stage.call('GET', '/parked-events')).json)
  expect(parked.slice(0, 2)).toMatchObject([
    { eventId: eventIdOf(waiting), recordedAt: null },
    { eventId: eventIdOf(recorded), recordedAt: expect.any(String) },
  ])
})
