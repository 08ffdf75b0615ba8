import { beforeEach, test } from 'vitest'
import type { CustomerLedger } from './customer-ledger.ts'
import { Customer, reference, settlement, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

const wrongAmounts = [-1, Number.NaN, 0.5, 2 ** 53]

/** Whether a call inside the object throws. Inside, because an error that passes its border would be logged as a fault. */
async function throws(customer: Customer, call: (ledger: CustomerLedger) => unknown): Promise<boolean> {
  return await customer.inside(async (ledger) => {
    try {
      await call(ledger)
      return false
    } catch {
      return true
    }
  })
}

test('a settlement whose hold or cost is no amount is refused, with all that came beside it', async ({ expect }) => {
  const customer = await new Customer('org_settle_amounts').known()
  for (const requestId of ['req_1', 'req_2']) await customer.admit(requestId)
  const sound = { ...reference('req_1'), settlement: settlement(50) }
  for (const amount of wrongAmounts) {
    const wrong = [
      { ...reference('req_2'), settlement: settlement(amount) },
      { ...reference('req_2', { holdNanos: amount }), settlement: settlement(50) },
    ]
    for (const settle of wrong) expect(await throws(customer, (ledger) => ledger.settle({ settlements: [sound, settle] }))).toBe(true)
  }
  expect(await customer.sums()).toEqual({ availableNanos: 800, heldNanos: 200, unconfirmedNanos: 0 })
})

test('a renewal whose hold or report is no amount is refused: it may open a hold, and an orphan is settled from it', async ({ expect }) => {
  const customer = await new Customer('org_renew_amounts').known()
  for (const amount of wrongAmounts) {
    expect(await throws(customer, (ledger) => ledger.renew({ ...reference('req_1'), report: settlement(amount) }))).toBe(true)
    const wrong = { ...reference('req_1', { holdNanos: amount }), report: settlement(1) }
    expect(await throws(customer, (ledger) => ledger.renew(wrong))).toBe(true)
  }
  expect(await customer.sums()).toEqual({ availableNanos: 1_000, heldNanos: 0, unconfirmedNanos: 0 })
})

test('a balance that is no amount is not taken', async ({ expect }) => {
  const customer = await new Customer('org_applied_amounts').known()
  for (const balanceNanos of [Number.NaN, 0.5, 2 ** 53]) {
    expect(await throws(customer, (ledger) => ledger.applied({ eventIds: [], balanceNanos, version: 9 }))).toBe(true)
  }
  expect(await customer.sums()).toMatchObject({ availableNanos: 1_000 })
})
