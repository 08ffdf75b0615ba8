import { afterAll, beforeAll, test } from 'vitest'
import { parkEvents } from '#db/queries/park-events.ts'
import { BalanceEventList } from '#shared/contracts/balance-event.ts'
import { CreatedCustomer, CustomerDetail } from '#shared/contracts/customer.ts'
import { ParkedEventList } from '#shared/contracts/parked-event.ts'
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
  const { events, next } = BalanceEventList.parse((await stage.call('GET', `${path}/events`)).json)
  expect(next).toBeNull()
  expect(events.map(({ type, balanceNanos, thresholdNanos }) => [type, balanceNanos, thresholdNanos])).toEqual([
    ['balance.exhausted', 0, cent],
    ['balance.low', 4 * cent, 5 * cent],
  ])
  const older = await stage.call('GET', `${path}/events?before=${events[0]?.id}`)
  expect(BalanceEventList.parse(older.json).events.map(({ type }) => type)).toEqual(['balance.low'])
  expect(CustomerDetail.parse((await stage.call('GET', path)).json)).toMatchObject({ lowBalanceNanos: 5 * cent, limits: body.limits })
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

test('the events of a customer that does not exist are not found, and a page that is no number is refused', async ({ expect }) => {
  expect((await stage.call('GET', '/customers/org_none/events')).status).toBe(404)
  expect((await stage.call('GET', '/parked-events?before=x')).status).toBe(400)
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
