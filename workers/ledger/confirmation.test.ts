import { beforeEach, test } from 'vitest'
import { Customer, key, passTime, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

async function settledCustomer(organizationId: string, costs: number[]): Promise<Customer> {
  const customer = await new Customer(organizationId).known()
  for (const [index] of costs.entries()) await customer.admit(`req_${index}`, { holdNanos: 300 })
  await Promise.all(costs.map((costNanos, index) => customer.settle(`req_${index}`, costNanos, { holdNanos: 300 })))
  return customer
}

test('an older snapshot never overwrites a newer one', async ({ expect }) => {
  const customer = await new Customer('org_old_snapshot').known()
  const older = customer.account
  await customer.push({ balanceNanos: 500, keys: [key('key_1', { allowedModels: [] })] })
  await customer.ledger.refresh({ snapshot: older })
  expect(await customer.verdict('req_1', { snapshot: older })).toBe('model_not_allowed')
  expect((await customer.sums()).availableNanos).toBe(500)
  await customer.evict()
  await customer.ledger.refresh({ snapshot: older })
  expect((await customer.sums()).availableNanos).toBe(500)
})

test('a snapshot that already holds a posted debit is too careful until the confirmation, never too generous', async ({ expect }) => {
  const customer = await settledCustomer('org_snapshot_first', [300])
  const notice = customer.post(await customer.waiting())
  await customer.ledger.refresh({ snapshot: customer.account })
  expect(await customer.sums()).toEqual({ availableNanos: 400, heldNanos: 0, unconfirmedNanos: -300 })
  await customer.ledger.applied(notice)
  expect(await customer.sums()).toEqual({ availableNanos: 700, heldNanos: 0, unconfirmedNanos: 0 })
})

test('confirmations out of order and twice are never too generous and end at the truth', async ({ expect }) => {
  const customer = await settledCustomer('org_reordered', [100, 200, 250])
  const events = await customer.waiting()
  const notices = events.map((event) => customer.post([event]))
  const order = [2, 0, 2, 1, 0, 1]
  for (const index of order) {
    const notice = notices[index]
    if (notice) await customer.ledger.applied(notice)
    const { availableNanos } = await customer.inside((ledger) => {
      const known = ledger.standing({ keyId: 'key_1' })
      return known.outcome === 'known' ? known.standing : { availableNanos: Number.NaN }
    })
    expect(availableNanos).toBeLessThanOrEqual(450)
  }
  expect(await customer.sums()).toEqual({ availableNanos: 450, heldNanos: 0, unconfirmedNanos: 0 })
})

test('a confirmation of part of a packed row survives an eviction without becoming generous', async ({ expect }) => {
  const customer = await settledCustomer('org_part', [100, 200])
  const [first, second] = await customer.waiting()
  if (!first || !second) throw new Error('two events were settled')
  await customer.ledger.applied(customer.post([first]))
  await customer.evict()
  expect((await customer.sums()).availableNanos).toBeLessThanOrEqual(700)
  await customer.ledger.applied(customer.post([second]))
  await customer.ledger.applied({
    eventIds: ['req_0:settlement'],
    balanceNanos: customer.account.balanceNanos,
    version: customer.account.version,
  })
  expect(await customer.sums()).toEqual({ availableNanos: 700, heldNanos: 0, unconfirmedNanos: 0 })
  expect(new Set(await customer.kinds())).toEqual(new Set(['balance']))
})

test('a confirmed balance newer than the account still lets the keys of that account in', async ({ expect }) => {
  const customer = await settledCustomer('org_new_key', [300])
  const readBefore = customer.changed({ keys: [key('key_1'), key('key_2')] })
  await customer.confirmAll()
  expect(await customer.verdict('req_new', { keyId: 'key_2', snapshot: readBefore })).toBe('admitted')
  expect((await customer.ledger.standing({ keyId: 'key_2' })).outcome).toBe('known')
  const known = await customer.ledger.standing({ keyId: 'key_2' })
  expect(known).toMatchObject({ standing: { availableNanos: 600 } })
})

test('a confirmed balance survives an eviction, beside an account that is older', async ({ expect }) => {
  const customer = await settledCustomer('org_kept_balance', [300])
  const older = customer.account
  await customer.confirmAll()
  await customer.evict()
  await customer.ledger.refresh({ snapshot: older })
  expect(await customer.ledger.standing({ keyId: 'key_1' })).toMatchObject({ standing: { availableNanos: 700 } })
})

test('a notice about events of another life changes the balance and nothing else', async ({ expect }) => {
  const customer = await settledCustomer('org_stranger', [100])
  await customer.ledger.applied({ eventIds: ['req_unknown:settlement'], balanceNanos: 900, version: 7 })
  expect(await customer.ledger.standing({ keyId: 'key_1' })).toMatchObject({ standing: { availableNanos: 800 }, unconfirmedNanos: -100 })
})

test('credit and a lower balance arrive by snapshot while requests run', async ({ expect }) => {
  const customer = await new Customer('org_credit').known()
  await customer.admit('req_1', { holdNanos: 900 })
  await customer.push({ balanceNanos: 500 })
  expect((await customer.sums()).availableNanos).toBe(-400)
  expect(await customer.verdict('req_2', { holdNanos: 1 })).toBe('in_flight_budget')
  expect(await customer.settle('req_1', 900, { holdNanos: 900 })).toMatchObject({ outcome: 'settled', costNanos: 900 })
  expect(await customer.verdict('req_3', { holdNanos: 1 })).toBe('insufficient_balance')
  await customer.push({ balanceNanos: 901 })
  expect(await customer.verdict('req_3', { holdNanos: 1 })).toBe('admitted')
})

test('a credit of late truth is never counted both as unconfirmed and in a balance read since', async ({ expect }) => {
  const customer = await new Customer('org_late_credit').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.renew('req_1', 250, { holdNanos: 600 })
  passTime(60_000)
  await customer.ring()
  await customer.confirmAll()
  await customer.settle('req_1', 50, { holdNanos: 600 })
  expect((await customer.sums()).availableNanos).toBe(750)
  const notice = customer.post(await customer.waiting())
  await customer.ledger.refresh({ snapshot: customer.account })
  expect((await customer.sums()).availableNanos).toBe(950)
  await customer.ledger.applied(notice)
  expect(await customer.sums()).toEqual({ availableNanos: 950, heldNanos: 0, unconfirmedNanos: 0 })
})
