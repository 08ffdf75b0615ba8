import { beforeEach, test } from 'vitest'
import { isAllowedAddress } from './allowed-addresses.ts'
import { Customer, facts, key, passTime, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

const office = { allowedIps: ['203.0.113.0/24', '2001:db8::1'] }

test('a key with a list works from its addresses alone, and one without from everywhere', async ({ expect }) => {
  const customer = await new Customer('org_addresses', { keys: [key('key_1', office), key('key_2')] }).known()
  expect(await customer.verdict('req_1', { clientIp: '203.0.113.9' })).toBe('admitted')
  expect(await customer.verdict('req_2', { clientIp: '::ffff:203.0.113.9' })).toBe('admitted')
  expect(await customer.verdict('req_3', { clientIp: '2001:db8:0::1' })).toBe('admitted')
  expect(await customer.verdict('req_4', { clientIp: '203.0.114.1' })).toBe('ip_not_allowed')
  expect(await customer.verdict('req_5', { clientIp: 'unknown' })).toBe('ip_not_allowed')
  expect(await customer.verdict('req_6', { clientIp: 'unknown', keyId: 'key_2' })).toBe('admitted')
})

test('a refusal holds and counts nothing', async ({ expect }) => {
  const customer = await new Customer('org_address_refused', {
    keys: [key('key_1', { ...office, limits: { requestsPerMinute: 1 } })],
  }).known()
  expect(await customer.verdict('req_1', { clientIp: '192.0.2.1' })).toBe('ip_not_allowed')
  expect(await customer.sums()).toMatchObject({ heldNanos: 0 })
  expect(await customer.verdict('req_2', { clientIp: '203.0.113.1' })).toBe('admitted')
})

test('a changed list counts from the next request, also while Postgres is away and after an eviction', async ({ expect }) => {
  const customer = await new Customer('org_address_changed').known()
  const from = { clientIp: '192.0.2.1' }
  expect(await customer.verdict('req_1', from)).toBe('admitted')
  await customer.push({ keys: [key('key_1', office)] })
  expect(await customer.verdict('req_2', from)).toBe('ip_not_allowed')
  passTime(30_000)
  await customer.confirmAll()
  await customer.evict()
  expect(await customer.verdict('req_3', from)).toBe('ip_not_allowed')
  await customer.push({ keys: [key('key_1')] })
  expect(await customer.verdict('req_4', from)).toBe('admitted')
})

test('what a key has left is told to its own addresses, and to the operator from everywhere', async ({ expect }) => {
  const customer = await new Customer('org_address_standing', { keys: [key('key_1', office)] }).known()
  const standing = async (asking: object) => (await customer.ledger.standing({ keyId: 'key_1', ...asking })).outcome
  expect(await standing({ clientIp: '203.0.113.1' })).toBe('known')
  expect(await standing({ clientIp: facts('req_1').clientIp })).toBe('refused')
  expect(await standing({})).toBe('known')
})

test('an empty list and one that cannot be read allow nobody', ({ expect }) => {
  expect(isAllowedAddress([], '203.0.113.1')).toBe(false)
  expect(isAllowedAddress(['not an address'], '203.0.113.1')).toBe(false)
})
