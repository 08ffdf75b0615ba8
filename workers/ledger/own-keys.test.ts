import { beforeEach, describe, test } from 'vitest'
import type { AccountSnapshot, Limits } from '#shared/contracts/account.ts'
import { snapshotFreshMs } from './limits.ts'
import { Customer, type HoldTerms, key, leaseMs, passTime, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

/** A request that the customer's own provider credentials serve: it holds nothing. */
const own = { holdNanos: 0, isByok: true } satisfies HoldTerms

describe('no money stands in the way of what own credentials serve:', () => {
  test.for<[string, Partial<AccountSnapshot>, string]>([
    ['no balance below the floor', { balanceNanos: -500 }, 'insufficient_balance'],
    ['no cap of the day', { limits: { spendPerDayNanos: 50 } }, 'spend_per_day'],
    ['no cap of the month', { limits: { spendPerMonthNanos: 50 } }, 'spend_per_month'],
    ['no cap of the key', { keys: [key('key_1', { limits: { spendPerDayNanos: 50 } })] }, 'spend_per_day'],
  ])('%s', async ([name, account, reason], { expect }) => {
    const customer = await new Customer(`org_own_${name}`, account).known()
    expect(await customer.verdict('req_paid')).toBe(reason)
    // A cap that was lowered below what was spent, and a floor, refuse a hold of nothing too.
    await customer.push({ balanceNanos: -500 })
    expect(await customer.verdict('req_free', { ...own, isByok: false })).toBe('insufficient_balance')
    expect(await customer.verdict('req_own', own)).toBe('admitted')
  })

  test('no exposure while Postgres is away', async ({ expect }) => {
    const customer = await new Customer('org_own_away', { balanceNanos: 200_000_000_000_000 }).known()
    await customer.admit('req_running', { holdNanos: 100_000_000_001 })
    passTime(snapshotFreshMs + 1)
    expect(await customer.verdict('req_free', { ...own, isByok: false })).toBe('snapshot_required')
    expect(await customer.verdict('req_own', own)).toBe('admitted')
  })
})

describe('all else does:', () => {
  const once: Limits = { requestsPerMinute: 1 }
  const keyHash = 'taken'
  test.for<[string, Partial<AccountSnapshot>, HoldTerms, string]>([
    ['requests in a minute', { limits: once }, {}, 'requests_per_minute'],
    ['requests in a minute of the key', { keys: [key('key_1', { limits: once })] }, {}, 'requests_per_minute'],
    ['requests in a day', { limits: { requestsPerDay: 1 } }, {}, 'requests_per_day'],
    ['tokens in a minute', { limits: { tokensPerMinute: 19 } }, {}, 'tokens_per_minute'],
    ['concurrency', { limits: { concurrency: 1 } }, {}, 'concurrency'],
    ['concurrency of the key', { keys: [key('key_1', { limits: { concurrency: 1 } })] }, {}, 'concurrency'],
    ['other models', { keys: [key('key_1', { allowedModels: ['gpt-test'] })] }, { model: 'gpt-other' }, 'model_not_allowed'],
    ['an idempotency key that runs', {}, { idempotency: { keyHash, bodyHash: 'one' } }, 'idempotency_running'],
    ['an idempotency key of another body', {}, { idempotency: { keyHash, bodyHash: 'other' } }, 'idempotency_key_reused'],
  ])('%s', async ([name, account, terms, reason], { expect }) => {
    const customer = await new Customer(`org_bound_${name}`, { balanceNanos: -500, ...account }).known()
    expect(await customer.verdict('req_1', { ...own, idempotency: { keyHash, bodyHash: 'one' } })).toBe('admitted')
    expect(await customer.verdict('req_2', { ...own, ...terms })).toBe(reason)
  })

  test('a suspended account, an expired key and one that is unknown', async ({ expect }) => {
    const keys = [key('key_1'), key('key_old', { expiresAtMs: Date.now() })]
    const customer = await new Customer('org_bound_states', { keys }).known()
    expect(await customer.verdict('req_1', { ...own, keyId: 'key_old' })).toBe('key_expired')
    expect(await customer.verdict('req_2', { ...own, keyId: 'key_none', snapshot: customer.account })).toBe('key_unknown')
    await customer.push({ status: 'suspended' })
    expect(await customer.verdict('req_3', own)).toBe('account_suspended')
  })

  test('its lease, which ends it, and its request id, which is used once', async ({ expect }) => {
    const customer = await new Customer('org_bound_lease', { limits: { concurrency: 1 } }).known()
    expect(await customer.verdict('req_1', own)).toBe('admitted')
    passTime(leaseMs + 1)
    await customer.ring()
    expect(await customer.verdict('req_1', own)).toBe('request_reused')
    expect(await customer.verdict('req_2', own)).toBe('admitted')
    await customer.settle('req_2', 0, own)
    expect(await customer.verdict('req_3', own)).toBe('admitted')
    expect(await customer.sums()).toEqual({ availableNanos: 1_000, heldNanos: 0, unconfirmedNanos: 0 })
  })
})

test('what own credentials served is settled with nothing, whatever it is said to cost', async ({ expect }) => {
  const customer = await new Customer('org_own_settled', { balanceNanos: -500 }).known()
  await customer.admit('req_1', own)
  expect(await customer.settle('req_1', 700, own)).toEqual({ outcome: 'settled', costNanos: 0 })
  expect(await customer.sums()).toEqual({ availableNanos: -500, heldNanos: 0, unconfirmedNanos: 0 })
})

describe('a request that was routed by other credentials than there are', () => {
  test.for<[string, number | undefined, number | undefined, string]>([
    ['an older version', 3, 2, 'credentials_changed'],
    ['none, where there are some', 1, undefined, 'credentials_changed'],
    ['the present version', 3, 3, 'admitted'],
    ['a version that is not known here yet', 3, 4, 'admitted'],
    ['none, where there never were any', 0, undefined, 'admitted'],
    ['none, where nobody has told of any', undefined, undefined, 'admitted'],
  ])('by %s: %s knows the ledger, %s the request', async ([name, credentialsVersion, known, verdict], { expect }) => {
    const account = credentialsVersion === undefined ? {} : { credentialsVersion }
    const customer = await new Customer(`org_version_${name}`, account).known()
    const terms = known === undefined ? {} : { credentialsVersion: known }
    for (const [requestId, isByok] of [
      ['req_paid', false],
      ['req_own', true],
    ] as const) {
      expect(await customer.verdict(requestId, { ...terms, isByok, holdNanos: 0 })).toBe(verdict)
    }
  })

  test('is told so before anything is counted, and may come again as another', async ({ expect }) => {
    const limits = { requestsPerMinute: 1, tokensPerMinute: 10, requestsPerDay: 1, concurrency: 1 }
    const keys = [key('key_1', { limits })]
    const customer = await new Customer('org_version_counts', { credentialsVersion: 2, limits, keys }).known()
    const idempotency = { keyHash: 'once', bodyHash: 'one' }
    const before = await customer.ledger.standing({ keyId: 'key_1' })
    expect(await customer.verdict('req_1', { idempotency, credentialsVersion: 1 })).toBe('credentials_changed')
    expect(await customer.ledger.standing({ keyId: 'key_1' })).toEqual(before)
    expect(await customer.verdict('req_1', { ...own, idempotency, credentialsVersion: 2 })).toBe('admitted')
  })

  test('is told so from the moment that the change is pushed', async ({ expect }) => {
    const customer = await new Customer('org_version_pushed').known()
    expect(await customer.verdict('req_1')).toBe('admitted')
    await customer.push({ credentialsVersion: 1 })
    expect(await customer.verdict('req_2')).toBe('credentials_changed')
    await customer.evict()
    expect(await customer.verdict('req_2', { snapshot: customer.account })).toBe('credentials_changed')
  })
})
