import { beforeEach, describe, test } from 'vitest'
import { Customer, key, passTime, startMs, stopClock } from './testing/customer.ts'

const hourMs = 3_600_000
const rich = { balanceNanos: 1_000_000 }

beforeEach(() => stopClock())

describe('a spend cap', () => {
  test('admits to its last nano and no further, counting what is spent and what is held', async ({ expect }) => {
    const customer = await new Customer('org_cap', { ...rich, limits: { spendPerDayNanos: 300 } }).known()
    await customer.admit('req_1', { holdNanos: 100 })
    await customer.settle('req_1', 80, { holdNanos: 100 })
    await customer.admit('req_2', { holdNanos: 120 })
    expect(await customer.verdict('req_3', { holdNanos: 101 })).toBe('in_flight_budget')
    expect(await customer.verdict('req_3', { holdNanos: 100 })).toBe('admitted')
    expect(await customer.verdict('req_4', { holdNanos: 1 })).toBe('in_flight_budget')
    expect(await customer.verdict('req_4', { holdNanos: 221 })).toBe('spend_per_day')
  })

  test('of a key and of the customer hold each on their own, the tighter one first', async ({ expect }) => {
    const keys = [key('key_1', { limits: { spendPerMonthNanos: 100 } }), key('key_2')]
    const customer = await new Customer('org_two_caps', { ...rich, limits: { spendPerDayNanos: 250 }, keys }).known()
    expect(await customer.verdict('req_1', { holdNanos: 101 })).toBe('spend_per_month')
    expect(await customer.verdict('req_2', { holdNanos: 101, keyId: 'key_2' })).toBe('admitted')
    await customer.settle('req_2', 101, { holdNanos: 101, keyId: 'key_2' })
    expect(await customer.verdict('req_3', { holdNanos: 100 })).toBe('admitted')
    await customer.settle('req_3', 100)
    expect(await customer.verdict('req_4', { holdNanos: 1 })).toBe('spend_per_month')
    expect(await customer.verdict('req_5', { holdNanos: 50, keyId: 'key_2' })).toBe('spend_per_day')
    expect(await customer.verdict('req_5', { holdNanos: 49, keyId: 'key_2' })).toBe('admitted')
  })

  test('refused consumes nothing: no rate, no lease, no money', async ({ expect }) => {
    const limits = { requestsPerMinute: 10, concurrency: 5, spendPerDayNanos: 50 }
    const customer = await new Customer('org_cap_refuses', { ...rich, limits }).known()
    const before = await customer.ledger.standing({ keyId: 'key_1' })
    expect(await customer.verdict('req_1')).toBe('spend_per_day')
    expect(await customer.ledger.standing({ keyId: 'key_1' })).toEqual(before)
  })

  test('is whole again at the next UTC day, and at the next UTC month', async ({ expect }) => {
    const limits = { spendPerDayNanos: 100, spendPerMonthNanos: 150 }
    const customer = await new Customer('org_cap_renews', { ...rich, limits }).known()
    await customer.admit('req_1')
    await customer.settle('req_1', 100)
    expect(await customer.admit('req_2', { holdNanos: 1 })).toMatchObject({ reason: 'spend_per_day', retryAfterMs: 12 * hourMs })
    passTime(12 * hourMs)
    await customer.known()
    expect(await customer.verdict('req_3', { holdNanos: 51 })).toBe('spend_per_month')
    expect(await customer.admit('req_3', { holdNanos: 50 })).toMatchObject({ outcome: 'admitted' })
    passTime(Date.UTC(2030, 1, 1) - startMs - 12 * hourMs)
    await customer.known()
    await customer.settle('req_3', 50, { holdNanos: 50 })
    expect(await customer.verdict('req_4', { holdNanos: 100 })).toBe('admitted')
  })

  test('set in the middle of a day knows what was spent before', async ({ expect }) => {
    const customer = await new Customer('org_cap_late', rich).known()
    await customer.admit('req_1')
    await customer.settle('req_1', 70)
    await customer.push({ limits: { spendPerDayNanos: 100 } })
    expect(await customer.admit('req_2', { holdNanos: 31 })).toMatchObject({
      reason: 'spend_per_day',
      room: { holdNanos: 30, tokens: null },
    })
    expect(await customer.verdict('req_2', { holdNanos: 30 })).toBe('admitted')
  })

  test('below what runs lets it run and admits nothing more', async ({ expect }) => {
    const customer = await new Customer('org_cap_lowered', rich).known()
    await customer.admit('req_1', { holdNanos: 500 })
    await customer.push({ limits: { spendPerDayNanos: 100 } })
    expect(await customer.verdict('req_2', { holdNanos: 1 })).toBe('in_flight_budget')
    expect(await customer.settle('req_1', 400, { holdNanos: 500 })).toEqual({ outcome: 'settled', costNanos: 400 })
    expect(await customer.verdict('req_2', { holdNanos: 1 })).toBe('spend_per_day')
  })

  test('larger than which nothing is ever admitted names no time to come back', async ({ expect }) => {
    const customer = await new Customer('org_cap_small', { ...rich, limits: { spendPerDayNanos: 99 } }).known()
    expect(await customer.admit('req_1')).toMatchObject({ reason: 'spend_per_day', retryAfterMs: null, room: { holdNanos: 99 } })
  })
})

describe('spending survives', () => {
  const limits = { spendPerDayNanos: 1_000, spendPerMonthNanos: 5_000 }
  const spent = async (customer: Customer) => {
    const known = await customer.ledger.standing({ keyId: 'key_1', snapshot: customer.account })
    if (known.outcome !== 'known') throw new Error(known.outcome)
    const { spendPerDay, spendPerMonth } = known.standing
    return [1_000 - (spendPerDay?.remaining ?? 0), 5_000 - (spendPerMonth?.remaining ?? 0)]
  }

  for (const [when, then] of [
    ['an eviction before its confirmation', async (customer: Customer) => customer.evict()],
    ['a lost machine before its confirmation', async (customer: Customer) => customer.crash()],
    ['an eviction after its confirmation', async (customer: Customer) => customer.confirmAll().then(() => customer.evict())],
    [
      'two confirmations and a lost machine',
      async (customer: Customer) => {
        const notice = customer.post(await customer.waiting())
        await customer.ledger.applied(notice)
        await customer.ledger.applied(notice)
        await customer.crash()
      },
    ],
    [
      'the confirmation of part of a row, an eviction and the confirmation of all',
      async (customer: Customer) => {
        const events = await customer.waiting()
        await customer.ledger.applied(customer.post(events.slice(0, 1)))
        await customer.evict()
        await customer.ledger.applied({ ...customer.post([]), eventIds: events.map(({ request }) => `${request.requestId}:settlement`) })
        await customer.evict()
      },
    ],
  ] as const) {
    test(when, async ({ expect }) => {
      const customer = await new Customer(`org_spent_${when.replaceAll(' ', '_')}`, { ...rich, limits }).known()
      for (const requestId of ['req_1', 'req_2', 'req_3']) await customer.admit(requestId)
      await Promise.all(['req_1', 'req_2', 'req_3'].map((requestId, index) => customer.settle(requestId, 10 + index)))
      expect(await spent(customer)).toEqual([33, 33])
      await then(customer)
      expect(await spent(customer)).toEqual([33, 33])
    })
  }

  test('the truth about an orphan, in the day of its admission', async ({ expect }) => {
    const customer = await new Customer('org_spent_orphan', { ...rich, limits }).known()
    await customer.admit('req_1')
    await customer.renew('req_1', 60)
    passTime(60_001)
    await customer.ring()
    expect(await spent(customer)).toEqual([60, 60])
    await customer.settle('req_1', 25)
    expect(await spent(customer)).toEqual([25, 25])
  })
})
