import { beforeEach, test } from 'vitest'
import { Customer, key, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

const rich = { balanceNanos: 1_000_000 }

test('what a key holds counts against its own spend cap, and against that of no other', async ({ expect }) => {
  const keys = ['key_1', 'key_2'].map((keyId) => key(keyId, { limits: { spendPerDayNanos: 100 } }))
  const customer = await new Customer('org_key_holds', { ...rich, keys }).known()
  expect(await customer.verdict('req_1', { holdNanos: 60, keyId: 'key_1' })).toBe('admitted')
  expect(await customer.verdict('req_2', { holdNanos: 41, keyId: 'key_1' })).toBe('in_flight_budget')
  expect(await customer.verdict('req_2', { holdNanos: 40, keyId: 'key_1' })).toBe('admitted')
  expect(await customer.verdict('req_3', { holdNanos: 100, keyId: 'key_2' })).toBe('admitted')
})

test('a key runs as many requests as it may, whatever the others of its customer run', async ({ expect }) => {
  const keys = [key('key_1', { limits: { concurrency: 1 } }), key('key_2', { limits: { concurrency: 2 } })]
  const customer = await new Customer('org_key_leases', { ...rich, keys }).known()
  expect(await customer.verdict('req_1', { keyId: 'key_1' })).toBe('admitted')
  expect(await customer.verdict('req_2', { keyId: 'key_1' })).toBe('concurrency')
  expect(await customer.verdict('req_3', { keyId: 'key_2' })).toBe('admitted')
  expect(await customer.verdict('req_4', { keyId: 'key_2' })).toBe('admitted')
  expect(await customer.verdict('req_5', { keyId: 'key_2' })).toBe('concurrency')
  await customer.ledger.release({ requestId: 'req_1' })
  expect(await customer.verdict('req_2', { keyId: 'key_1' })).toBe('admitted')
})
