import { beforeEach, test } from 'vitest'
import { eventIdOf } from '#shared/contracts/usage-event.ts'
import { durableAtOnceNanos, expiredKeptMs } from './limits.ts'
import { Customer, flushed, key, passTime, reference, settlement, stopClock } from './testing/customer.ts'

beforeEach(() => stopClock())

test('only the first settle of a request charges', async ({ expect }) => {
  const customer = await new Customer('org_settle_twice').known()
  await customer.admit('req_1', { holdNanos: 600 })
  expect(await customer.settle('req_1', 400, { holdNanos: 600 })).toEqual({ outcome: 'settled', costNanos: 400 })
  expect(await customer.settle('req_1', 500, { holdNanos: 600 })).toEqual({ outcome: 'already_settled', costNanos: 400 })
  expect(await customer.sums()).toEqual({ availableNanos: 600, heldNanos: 0, unconfirmedNanos: -400 })
})

test('settles of one request at the same moment charge once', async ({ expect }) => {
  const customer = await new Customer('org_settle_parallel').known()
  await customer.admit('req_1', { holdNanos: 600 })
  const outcomes = await Promise.all([1, 2, 3, 4].map((costNanos) => customer.settle('req_1', costNanos, { holdNanos: 600 })))
  expect(new Set(outcomes.map((outcome) => outcome?.costNanos)).size).toBe(1)
  expect(outcomes.filter((outcome) => outcome?.outcome === 'settled')).toHaveLength(1)
  expect(await customer.waiting()).toHaveLength(1)
})

test('a cost above the hold is cut to the hold and says so', async ({ expect }) => {
  const customer = await new Customer('org_capped').known()
  await customer.admit('req_1', { holdNanos: 300 })
  expect(await customer.settle('req_1', 5_000, { holdNanos: 9_000 })).toEqual({ outcome: 'settled', costNanos: 300 })
  expect(await customer.waiting()).toMatchObject([{ amountNanos: -300, settlement: { costNanos: 300, capped: true } }])
})

test('a released hold charges nothing and gives its tokens back', async ({ expect }) => {
  const customer = await new Customer('org_release', { limits: { tokensPerMinute: 100 } }).known()
  await customer.admit('req_1', { holdNanos: 600, reservedTokens: 100 })
  await customer.ledger.release({ requestId: 'req_1' })
  expect(await customer.sums()).toEqual({ availableNanos: 1_000, heldNanos: 0, unconfirmedNanos: 0 })
  expect(await customer.verdict('req_2', { reservedTokens: 100 })).toBe('admitted')
  expect(await customer.waiting()).toEqual([])
})

test('an expired lease is settled from its last report and flagged', async ({ expect }) => {
  const customer = await new Customer('org_expiry').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.renew('req_1', 150, { holdNanos: 600 })
  await customer.renew('req_1', 250, { holdNanos: 600 })
  passTime(60_000)
  expect(await customer.ring()).toBe(true)
  expect(await customer.waiting()).toMatchObject([
    { kind: 'settlement', amountNanos: -250, settlement: { costNanos: 250, estimated: true, end: 'expired' } },
  ])
  expect(await customer.renew('req_1', 300, { holdNanos: 600 })).toBe('ended')
})

test('an expired lease that never reported costs nothing and is recorded', async ({ expect }) => {
  const customer = await new Customer('org_expiry_silent').known()
  await customer.admit('req_1', { holdNanos: 600 })
  passTime(60_000)
  await customer.ring()
  expect(await customer.waiting()).toMatchObject([{ amountNanos: 0, settlement: { end: 'expired', estimated: true, status: null } }])
  expect(await customer.sums()).toEqual({ availableNanos: 1_000, heldNanos: 0, unconfirmedNanos: 0 })
})

test('a large hold, though it was written at once, wakes its object when its lease ends', async ({ expect }) => {
  const customer = await new Customer('org_expiry_large', { balanceNanos: durableAtOnceNanos }).known()
  await customer.admit('req_1', { holdNanos: durableAtOnceNanos })
  passTime(60_000)
  expect(await customer.ring()).toBe(true)
  expect((await customer.sums()).heldNanos).toBe(0)
})

test('a request is found by its own key while it runs, and until Postgres has what it cost', async ({ expect }) => {
  const customer = await new Customer('org_found', { keys: [key('key_1'), key('key_2')] }).known()
  const find = (keyId = 'key_1') => customer.ledger.find({ requestId: 'req_1', keyId })
  expect(await find()).toEqual({ state: 'unknown' })
  await customer.admit('req_1')
  const running = { state: 'running', request: { requestId: 'req_1', keyId: 'key_1' } }
  expect(await find()).toMatchObject(running)
  expect(await find('key_2')).toEqual({ state: 'unknown' })
  await flushed()
  await customer.evict()
  expect(await find()).toMatchObject(running)
  await customer.renew('req_1', 25)
  passTime(60_000)
  await customer.ring()
  expect(await find()).toMatchObject({ state: 'settled', event: { settlement: { costNanos: 25, end: 'expired' } } })
  await customer.settle('req_1', 40)
  expect(await find()).toMatchObject({ state: 'settled', event: { kind: 'adjustment', settlement: { costNanos: 40 } } })
  expect(await find('key_2')).toEqual({ state: 'unknown' })
  await customer.confirmAll()
  expect(await find()).toEqual({ state: 'unknown' })
  expect(await customer.kinds()).toEqual(['balance'])
})

test('a renewed lease outlives its first expiry', async ({ expect }) => {
  const customer = await new Customer('org_renewed').known()
  await customer.admit('req_1', { holdNanos: 600 })
  passTime(50_000)
  expect(await customer.renew('req_1', 10, { holdNanos: 600 })).toBe('renewed')
  passTime(59_999)
  await customer.ring()
  expect((await customer.sums()).heldNanos).toBe(600)
  passTime(1)
  await customer.ring()
  expect((await customer.sums()).heldNanos).toBe(0)
})

for (const [name, between] of [
  ['at once', async () => undefined],
  ['after the confirmation', (customer: Customer) => customer.confirmAll()],
  ['after an eviction', (customer: Customer) => customer.evict()],
  ['after confirmation and eviction', (customer: Customer) => customer.confirmAll().then(() => customer.evict())],
] satisfies [string, (customer: Customer) => Promise<unknown>][]) {
  test(`late truth about an expired request becomes one adjustment, ${name}`, async ({ expect }) => {
    const customer = await new Customer(`org_adjusted_${name.replaceAll(' ', '_')}`).known()
    await customer.admit('req_1', { holdNanos: 600 })
    await customer.renew('req_1', 250, { holdNanos: 600 })
    passTime(60_000)
    await customer.ring()
    await between(customer)
    expect(await customer.settle('req_1', 400, { holdNanos: 600 })).toEqual({ outcome: 'adjusted', costNanos: 400 })
    expect(await customer.settle('req_1', 500, { holdNanos: 600 })).toEqual({ outcome: 'already_settled', costNanos: 400 })
    expect((await customer.sums()).availableNanos).toBe(600)
    const adjustments = (await customer.waiting()).filter(({ kind }) => kind === 'adjustment')
    expect(adjustments).toMatchObject([{ amountNanos: -150, settlement: { costNanos: 400, end: 'completed' } }])
    await customer.evict()
    expect(await customer.settle('req_1', 500, { holdNanos: 600 })).toEqual({ outcome: 'already_settled', costNanos: 400 })
    await customer.confirmAll()
    expect(await customer.sums()).toEqual({ availableNanos: 600, heldNanos: 0, unconfirmedNanos: 0 })
    expect(customer.account.balanceNanos).toBe(600)
  })
}

test('an adjustment lost with its machine is made again when its settle is asked again', async ({ expect }) => {
  const customer = await new Customer('org_adjustment_lost').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.renew('req_1', 250, { holdNanos: 600 })
  passTime(60_000)
  await customer.ring()
  await customer.confirmAll()
  await customer.inside((ledger) => {
    ledger.settle({ settlements: [{ ...reference('req_1', { holdNanos: 600 }), settlement: settlement(400) }] }).catch(() => undefined)
  })
  await customer.crash()
  expect(await customer.settle('req_1', 400, { holdNanos: 600 })).toEqual({ outcome: 'adjusted', costNanos: 400 })
  await customer.confirmAll()
  expect(customer.account.balanceNanos).toBe(600)
})

test('the truth about an orphan is the answer after an eviction, wherever its row stands', async ({ expect }) => {
  const customer = await new Customer('org_adjusted_slots').known()
  await customer.admit('req_first')
  await flushed()
  await customer.admit('req_1', { holdNanos: 600 })
  await flushed()
  passTime(30_000)
  await customer.renew('req_first', 1)
  passTime(30_000)
  await customer.ring()
  await customer.ledger.release({ requestId: 'req_first' })
  await flushed()
  await customer.settle('req_1', 400, { holdNanos: 600 })
  expect((await customer.waiting()).map(({ kind }) => kind)).toEqual(['adjustment', 'settlement'])
  await customer.crash()
  expect(await customer.settle('req_1', 500, { holdNanos: 600 })).toEqual({ outcome: 'already_settled', costNanos: 400 })
})

test('an adjustment gives back what an estimate took too much', async ({ expect }) => {
  const customer = await new Customer('org_adjusted_down').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.renew('req_1', 250, { holdNanos: 600 })
  passTime(60_000)
  await customer.ring()
  await customer.settle('req_1', 50, { holdNanos: 600 })
  await customer.confirmAll()
  expect(await customer.sums()).toEqual({ availableNanos: 950, heldNanos: 0, unconfirmedNanos: 0 })
})

test('an expiry nobody corrects is forgotten after its time, with its row', async ({ expect }) => {
  const customer = await new Customer('org_expiry_forgotten').known()
  await customer.admit('req_1')
  passTime(60_000)
  await customer.ring()
  await customer.confirmAll()
  expect(await customer.kinds()).toContain('expired')
  await customer.evict()
  passTime(expiredKeptMs)
  await customer.ring()
  expect(await customer.kinds()).toEqual(['balance'])
})

test('a settlement survives an eviction after each of its steps', async ({ expect }) => {
  const customer = await new Customer('org_evicted').known()
  await customer.evict()
  expect(await customer.verdict('req_1', { holdNanos: 600 })).toBe('admitted')
  await flushed()
  await customer.evict()
  expect((await customer.sums()).heldNanos).toBe(600)
  await customer.renew('req_1', 200, { holdNanos: 600 })
  await flushed()
  await customer.evict()
  expect((await customer.sums()).heldNanos).toBe(600)
  await customer.settle('req_1', 400, { holdNanos: 600 })
  await customer.evict()
  expect(await customer.sums()).toEqual({ availableNanos: 600, heldNanos: 0, unconfirmedNanos: -400 })
  expect(await customer.settle('req_1', 500, { holdNanos: 600 })).toEqual({ outcome: 'already_settled', costNanos: 400 })
  await customer.confirmAll()
  await customer.evict()
  expect(await customer.sums()).toEqual({ availableNanos: 600, heldNanos: 0, unconfirmedNanos: 0 })
  expect(await customer.kinds()).toEqual(['balance'])
})

test('an expiry is kept through an eviction before its alarm', async ({ expect }) => {
  const customer = await new Customer('org_evicted_expiry').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.renew('req_1', 250, { holdNanos: 600 })
  await flushed()
  await customer.evict()
  passTime(60_000)
  expect(await customer.ring()).toBe(true)
  expect(await customer.waiting()).toMatchObject([{ amountNanos: -250, settlement: { end: 'expired' } }])
})

test('a hold lost with its machine is opened again by its renewal, and settled once', async ({ expect }) => {
  const customer = await new Customer('org_lost_hold').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.crash()
  expect((await customer.sums()).heldNanos).toBe(0)
  expect(await customer.renew('req_1', 200, { holdNanos: 600 })).toBe('renewed')
  expect((await customer.sums()).heldNanos).toBe(600)
  await customer.settle('req_1', 400, { holdNanos: 600 })
  expect(await customer.sums()).toEqual({ availableNanos: 600, heldNanos: 0, unconfirmedNanos: -400 })
})

test('a hold lost with its machine is settled all the same', async ({ expect }) => {
  const customer = await new Customer('org_lost_hold_settle').known()
  await customer.admit('req_1', { holdNanos: 600 })
  await customer.crash()
  expect(await customer.settle('req_1', 400, { holdNanos: 600 })).toEqual({ outcome: 'settled', costNanos: 400 })
  expect((await customer.waiting()).map(eventIdOf)).toEqual(['req_1:settlement'])
})

test('a large hold is durable before it is admitted', async ({ expect }) => {
  const customer = await new Customer('org_large_hold', { balanceNanos: 1_000_000_000 }).known()
  await customer.admit('req_1', { holdNanos: 100_000_000 })
  await customer.crash()
  expect((await customer.sums()).heldNanos).toBe(100_000_000)
})

test('a hold opened again gives back no tokens it never took', async ({ expect }) => {
  const customer = await new Customer('org_lost_tokens', { limits: { tokensPerMinute: 100 } }).known()
  await customer.admit('req_1', { reservedTokens: 60 })
  await customer.crash()
  await customer.admit('req_2', { reservedTokens: 60 })
  await customer.renew('req_1', 1, { reservedTokens: 60 })
  await customer.settle('req_1', 1, { reservedTokens: 60 })
  expect(await customer.verdict('req_3', { reservedTokens: 41 })).toBe('tokens_per_minute')
})

test('a confirmation between settle and flush deletes no row that still guards money', async ({ expect }) => {
  const customer = await new Customer('org_guarded').known()
  await customer.admit('req_1', { holdNanos: 100 })
  await customer.admit('req_2', { holdNanos: 100 })
  await customer.renew('req_2', 70)
  await customer.settle('req_1', 50)
  const notice = customer.post(await customer.waiting())
  await customer.inside((_, state) => state.storage.sync())
  void customer.settle('req_2', 80).catch(() => undefined)
  await customer.ledger.applied(notice)
  expect(await customer.kinds()).toContain('hold')
  await flushed()
  expect((await customer.kinds()).toSorted()).toEqual(['balance', 'settled'])
})
