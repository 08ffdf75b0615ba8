import { beforeEach, test } from 'vitest'
import { Customer, key, passTime, reference, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

test('an object that knows nothing asks for a snapshot and admits with it', async ({ expect }) => {
  const customer = new Customer('org_first')
  expect(await customer.verdict('req_1')).toBe('snapshot_required')
  expect(await customer.verdict('req_1', { snapshot: customer.account })).toBe('admitted')
})

test('an unknown key is refused only when a snapshot read for the request proves it', async ({ expect }) => {
  const customer = await new Customer('org_unknown_key').known()
  expect(await customer.verdict('req_1', { keyId: 'key_2' })).toBe('snapshot_required')
  expect(await customer.verdict('req_1', { keyId: 'key_2', snapshot: customer.account })).toBe('key_unknown')
})

test('a key revoked by a pushed snapshot is refused at the next request', async ({ expect }) => {
  const customer = await new Customer('org_revoked', { keys: [key('key_1'), key('key_2')] }).known()
  expect(await customer.verdict('req_1')).toBe('admitted')
  await customer.push({ keys: [key('key_2')] })
  expect(await customer.verdict('req_2')).toBe('snapshot_required')
  expect(await customer.verdict('req_2', { snapshot: customer.account })).toBe('key_unknown')
  expect(await customer.verdict('req_3', { keyId: 'key_2' })).toBe('admitted')
})

test('a key works until the moment it expires and not at it', async ({ expect }) => {
  const customer = await new Customer('org_key_expires', { keys: [key('key_1', { expiresAtMs: Date.now() + 1_000 })] }).known()
  passTime(999)
  expect(await customer.verdict('req_1')).toBe('admitted')
  passTime(1)
  expect(await customer.verdict('req_2')).toBe('key_expired')
})

test('a key with allowed models is refused for any other model', async ({ expect }) => {
  const customer = await new Customer('org_models', { keys: [key('key_1', { allowedModels: ['gpt-test'] })] }).known()
  expect(await customer.verdict('req_1', { model: 'gpt-other' })).toBe('model_not_allowed')
  expect(await customer.verdict('req_1', { model: 'gpt-test' })).toBe('admitted')
})

test('a suspended account is refused', async ({ expect }) => {
  const customer = await new Customer('org_suspended').known()
  await customer.push({ status: 'suspended' })
  expect(await customer.verdict('req_1')).toBe('account_suspended')
})

test('an account too long unseen is used no more until it is read again', async ({ expect }) => {
  const customer = await new Customer('org_unseen').known()
  passTime(60_001)
  expect(await customer.admit('req_1')).toMatchObject({ outcome: 'admitted', snapshotIsStale: true })
  passTime(540_000)
  expect(await customer.verdict('req_2')).toBe('snapshot_required')
  expect(await customer.admit('req_2', { snapshot: customer.account })).toMatchObject({ outcome: 'admitted', snapshotIsStale: false })
})

test('replaying an admit holds once', async ({ expect }) => {
  const customer = await new Customer('org_replay', { limits: { requestsPerMinute: 5, concurrency: 5 } }).known()
  await customer.admit('req_1', { holdNanos: 600 })
  const again = await customer.admit('req_1', { holdNanos: 600 })
  expect(again).toMatchObject({ outcome: 'admitted', standing: { requestsPerMinute: { remaining: 4 }, concurrency: { remaining: 4 } } })
  expect(await customer.sums()).toEqual({ availableNanos: 400, heldNanos: 600, unconfirmedNanos: 0 })
})

test('replaying an admit with other terms, or after its end, is refused', async ({ expect }) => {
  const customer = await new Customer('org_replay_other').known()
  await customer.admit('req_1', { holdNanos: 600 })
  expect(await customer.verdict('req_1', { holdNanos: 500 })).toBe('request_reused')
  expect(await customer.verdict('req_1', { holdNanos: 600, reservedTokens: 11 })).toBe('request_reused')
  expect(await customer.verdict('req_1', { holdNanos: 600, model: 'gpt-other' })).toBe('request_reused')
  expect((await customer.sums()).heldNanos).toBe(600)
  await customer.settle('req_1', 1, { holdNanos: 600 })
  expect(await customer.verdict('req_1', { holdNanos: 600 })).toBe('request_reused')
})

test('a refusal by one limit consumes nothing of the others', async ({ expect }) => {
  const limits = { requestsPerMinute: 10, tokensPerMinute: 1_000, requestsPerDay: 10, concurrency: 2 }
  const customer = await new Customer('org_all_or_nothing', { limits, keys: [key('key_1', { limits })] }).known()
  const before = await customer.ledger.standing({ keyId: 'key_1' })
  expect(await customer.verdict('req_1', { holdNanos: 1_001 })).toBe('insufficient_balance')
  expect(await customer.verdict('req_2', { reservedTokens: 1_001 })).toBe('tokens_per_minute')
  expect(await customer.ledger.standing({ keyId: 'key_1' })).toEqual(before)
  expect(await customer.verdict('req_3')).toBe('admitted')
})

test('a limit of the key alone refuses, and counts nothing for the customer', async ({ expect }) => {
  const keys = [key('key_1', { limits: { requestsPerMinute: 1 } }), key('key_2')]
  const customer = await new Customer('org_key_limit', { limits: { requestsPerMinute: 3 }, keys }).known()
  expect(await customer.verdict('req_1')).toBe('admitted')
  expect(await customer.verdict('req_2')).toBe('requests_per_minute')
  expect(await customer.verdict('req_3', { keyId: 'key_2' })).toBe('admitted')
  expect(await customer.verdict('req_4', { keyId: 'key_2' })).toBe('admitted')
  expect(await customer.verdict('req_5', { keyId: 'key_2' })).toBe('requests_per_minute')
})

test('of 100 parallel admits with credit for one, one is admitted', async ({ expect }) => {
  const customer = await new Customer('org_parallel', { balanceNanos: 199 }).known()
  const verdicts = await Promise.all(Array.from({ length: 100 }, (_, index) => customer.verdict(`req_${index}`, { holdNanos: 100 })))
  expect(verdicts.filter((verdict) => verdict === 'admitted')).toHaveLength(1)
  expect(verdicts.filter((verdict) => verdict === 'in_flight_budget')).toHaveLength(99)
  expect(await customer.sums()).toMatchObject({ availableNanos: 99, heldNanos: 100 })
})

test('money held by running requests is told from money that is not there', async ({ expect }) => {
  const customer = await new Customer('org_two_402').known()
  await customer.admit('req_1', { holdNanos: 700 })
  expect(await customer.admit('req_2', { holdNanos: 301 })).toMatchObject({ reason: 'in_flight_budget', retryAfterMs: 1_000 })
  expect(await customer.admit('req_3', { holdNanos: 1_001 })).toMatchObject({ reason: 'insufficient_balance', retryAfterMs: null })
  await customer.settle('req_1', 700, { holdNanos: 700 })
  expect(await customer.verdict('req_4', { holdNanos: 301 })).toBe('insufficient_balance')
  expect(await customer.verdict('req_5', { holdNanos: 300 })).toBe('admitted')
})

test('an overdraft is used to its last nano and no further', async ({ expect }) => {
  const customer = await new Customer('org_overdraft', { balanceNanos: 100, overdraftNanos: 50 }).known()
  expect(await customer.verdict('req_1', { holdNanos: 151 })).toBe('insufficient_balance')
  expect(await customer.verdict('req_1', { holdNanos: 150 })).toBe('admitted')
  expect(await customer.verdict('req_2', { holdNanos: 1 })).toBe('in_flight_budget')
})

test('a hold or cost below zero is never taken for money', async ({ expect }) => {
  const customer = await new Customer('org_negative').known()
  const refusals = await customer.inside((ledger) =>
    [-1, Number.NaN, 0.5].map((holdNanos) => {
      try {
        return ledger.admit(reference('req_1', { holdNanos })).outcome
      } catch {
        return 'thrown'
      }
    }),
  )
  expect(refusals).toEqual(['thrown', 'thrown', 'thrown'])
  expect(await customer.sums()).toMatchObject({ availableNanos: 1_000 })
})

test('concurrency is the number of live leases', async ({ expect }) => {
  const customer = await new Customer('org_concurrency', { limits: { concurrency: 2 } }).known()
  expect(await customer.verdict('req_1')).toBe('admitted')
  expect(await customer.verdict('req_2')).toBe('admitted')
  expect(await customer.verdict('req_3')).toBe('concurrency')
  await customer.settle('req_1', 1)
  expect(await customer.verdict('req_3')).toBe('admitted')
  await customer.ledger.release({ requestId: 'req_2' })
  expect(await customer.verdict('req_4')).toBe('admitted')
  passTime(60_000)
  await customer.ring()
  expect(await customer.verdict('req_5')).toBe('admitted')
  expect(await customer.verdict('req_6')).toBe('admitted')
  expect(await customer.verdict('req_7')).toBe('concurrency')
})

test('tokens are reserved at admission and corrected by what was used', async ({ expect }) => {
  const customer = await new Customer('org_tokens', { limits: { tokensPerMinute: 100 } }).known()
  expect(await customer.verdict('req_1', { reservedTokens: 80 })).toBe('admitted')
  expect(await customer.verdict('req_2', { reservedTokens: 21 })).toBe('tokens_per_minute')
  await customer.settle('req_1', 1, { reservedTokens: 80 }, { usage: { inputTokens: 20, outputTokens: 10 } })
  expect(await customer.verdict('req_3', { reservedTokens: 71 })).toBe('tokens_per_minute')
  expect(await customer.verdict('req_4', { reservedTokens: 70 })).toBe('admitted')
  passTime(61_000)
  expect(await customer.verdict('req_5', { reservedTokens: 100 })).toBe('admitted')
})

test('the day of requests per day is the UTC day', async ({ expect }) => {
  stopClock(Date.UTC(2030, 0, 15, 23, 59, 59, 0))
  const customer = await new Customer('org_day', { limits: { requestsPerDay: 1 } }).known()
  expect(await customer.verdict('req_1')).toBe('admitted')
  expect(await customer.admit('req_2')).toMatchObject({ reason: 'requests_per_day', retryAfterMs: 1_000 })
  passTime(1_000)
  expect(await customer.verdict('req_3')).toBe('admitted')
})
