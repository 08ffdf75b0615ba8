import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '#shared/values/id.ts'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newCustomer, settlementEvent } from '../testing/usage-events.ts'
import { listCustomerEvents } from './list-customer-events.ts'
import { postEntry } from './post-entry.ts'
import { exhaustedBelowNanos } from './raise-balance-events.ts'
import { recordUsage } from './record-usage.ts'
import { changeOrganizationAccount } from './set-organization-account.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

const cents = exhaustedBelowNanos

/** A customer with so many cents, told of a balance below so many. */
async function customerWith(balance: number, low: number | null): Promise<string> {
  const organizationId = await newCustomer(database.db)
  await credit(organizationId, balance)
  await changeOrganizationAccount(database.db, organizationId, { lowBalanceNanos: low === null ? null : low * cents })
  return organizationId
}

async function credit(organizationId: string, amount: number): Promise<void> {
  const kind = amount < 0 ? 'debit' : 'credit'
  await postEntry(database.db, { organizationId, amountNanos: amount * cents, kind, eventId: newId('crd'), reason: null })
}

async function spend(organizationId: string, amount: number) {
  const events = [settlementEvent({ costNanos: amount * cents })]
  await recordUsage(database.db, [{ organizationId, events }])
  return events
}

async function told(organizationId: string): Promise<string[]> {
  const rows = await listCustomerEvents(database.db, organizationId, { limit: 100 })
  return rows.map(({ type, data }) => `${type} ${Number(data.balanceNanos) / cents} < ${Number(data.thresholdNanos) / cents}`).reverse()
}

test('a balance is low once it is below the threshold, and not at it', async () => {
  const organizationId = await customerWith(10, 5)
  await spend(organizationId, 5)
  expect(await told(organizationId)).toEqual([])
  await spend(organizationId, 1)
  expect(await told(organizationId)).toEqual(['balance.low 4 < 5'])
})

test('it is told once, and again only after it rose and fell again', async () => {
  const organizationId = await customerWith(10, 5)
  await spend(organizationId, 6)
  await spend(organizationId, 1)
  expect(await told(organizationId)).toHaveLength(1)
  await credit(organizationId, 10)
  expect(await told(organizationId)).toHaveLength(1)
  await spend(organizationId, 9)
  expect(await told(organizationId)).toEqual(['balance.low 4 < 5', 'balance.low 4 < 5'])
})

test('a redelivered event tells nothing anew', async () => {
  const organizationId = await customerWith(10, 5)
  const events = await spend(organizationId, 6)
  await recordUsage(database.db, [{ organizationId, events }])
  expect(await told(organizationId)).toEqual(['balance.low 4 < 5'])
})

test('parallel consumers that take a balance down together tell once', async () => {
  const organizationId = await customerWith(10, 5)
  await Promise.all(Array.from({ length: 10 }, () => spend(organizationId, 1)))
  expect(await told(organizationId)).toEqual(['balance.low 4 < 5', 'balance.exhausted 0 < 1'])
})

test('one movement can pass both thresholds, and a balance runs out when less than a cent can be spent', async () => {
  const organizationId = await customerWith(10, 5)
  await spend(organizationId, 9)
  expect(await told(organizationId)).toEqual(['balance.low 1 < 5'])
  const other = await customerWith(10, 5)
  await spend(other, 10)
  expect((await told(other)).toSorted()).toEqual(['balance.exhausted 0 < 1', 'balance.low 0 < 5'])
})

test('an overdraft moves the end, and not the low balance', async () => {
  const organizationId = await customerWith(10, 5)
  await changeOrganizationAccount(database.db, organizationId, { overdraftNanos: 20 * cents })
  await spend(organizationId, 25)
  expect(await told(organizationId)).toEqual(['balance.low -15 < 5'])
  await spend(organizationId, 5)
  expect(await told(organizationId)).toEqual(['balance.low -15 < 5', 'balance.exhausted -20 < -19'])
})

test('a debit by hand tells as use does; a credit, and a new threshold, tell nothing', async () => {
  const organizationId = await customerWith(10, 5)
  await credit(organizationId, -6)
  expect(await told(organizationId)).toEqual(['balance.low 4 < 5'])
  await changeOrganizationAccount(database.db, organizationId, { lowBalanceNanos: 4 * cents })
  await changeOrganizationAccount(database.db, organizationId, { lowBalanceNanos: 5 * cents })
  await credit(organizationId, 1)
  expect(await told(organizationId)).toHaveLength(1)
})

test('without a threshold only the end is told, and each customer of a batch its own', async () => {
  const [silent, low] = [await customerWith(10, null), await customerWith(10, 8)]
  const batch = (organizationId: string, amount: number) => ({ organizationId, events: [settlementEvent({ costNanos: amount * cents })] })
  await recordUsage(database.db, [batch(silent, 8), batch(low, 3)])
  expect([await told(silent), await told(low)]).toEqual([[], ['balance.low 7 < 8']])
  await recordUsage(database.db, [batch(silent, 2), batch(low, 7)])
  expect([await told(silent), await told(low)]).toEqual([['balance.exhausted 0 < 1'], ['balance.low 7 < 8', 'balance.exhausted 0 < 1']])
})
