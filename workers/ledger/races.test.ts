import { beforeEach, test } from 'vitest'
import { bindings, Customer, leaseMs, passTime, stopClock } from './testing/customer.ts'
import { randomOf } from './testing/model.ts'

beforeEach(() => stopClock())

/** RELAY_LONG=1 plays the full number of rounds. */
const rounds = Math.max(20, Math.round(Number(bindings.RELAY_LONG || 0) * 10_000))
const timeoutMs = 30_000 + rounds * 50

test(
  `in ${rounds} rounds of 100 parallel admits with credit for one, one is admitted and the floor holds`,
  async ({ expect }) => {
    const overdraftNanos = 40
    const customer = await new Customer('org_parallel', { balanceNanos: 60, overdraftNanos }).known()
    for (let round = 0; round < rounds; round++) {
      const ids = Array.from({ length: 100 }, (_, index) => `req_${round}_${index}`)
      const verdicts = await Promise.all(ids.map((requestId) => customer.verdict(requestId)))
      const winners = ids.filter((_, index) => verdicts[index] === 'admitted')
      if (winners.length !== 1) throw new Error(`round ${round}: ${winners.length} admitted`)
      if (!verdicts.every((verdict) => verdict === 'admitted' || verdict === 'in_flight_budget'))
        throw new Error(`round ${round}: ${verdicts}`)
      await customer.settle(winners[0] ?? '', 100)
      const { availableNanos, heldNanos } = await customer.sums()
      if (availableNanos !== -overdraftNanos || heldNanos !== 0)
        throw new Error(`round ${round}: ${availableNanos} available, ${heldNanos} held`)
      await customer.confirmAll()
      await customer.push({ balanceNanos: customer.account.balanceNanos + 100 })
    }
    expect(customer.account.balanceNanos).toBe(60)
  },
  timeoutMs,
)

test('settles with different amounts, releases and replays at the same moment charge once', async ({ expect }) => {
  const random = randomOf(Number(bindings.RELAY_SEED || 7))
  const customer = await new Customer('org_replays', { balanceNanos: 100_000 }).known()
  for (let round = 0; round < 20; round++) {
    const requestId = `req_${round}`
    await customer.admit(requestId)
    const costs = Array.from({ length: 10 }, () => random.below(100))
    const outcomes = await Promise.all([
      ...costs.map((costNanos) => customer.settle(requestId, costNanos)),
      customer.verdict(requestId, { holdNanos: 1 }).then(() => undefined),
    ])
    const answers = outcomes.filter((outcome) => outcome !== undefined)
    expect(new Set(answers.map(({ costNanos }) => costNanos)).size).toBe(1)
    expect(answers.filter(({ outcome }) => outcome === 'settled')).toHaveLength(1)
  }
  expect(await customer.waiting()).toHaveLength(20)
  expect((await customer.sums()).heldNanos).toBe(0)
})

test('a settle against the expiry of its lease charges the truth once, whoever comes first', async ({ expect }) => {
  const customer = await new Customer('org_expiry_race', { balanceNanos: 100_000 }).known()
  for (let round = 0; round < 10; round++) {
    const requestId = `req_${round}`
    await customer.admit(requestId)
    await customer.renew(requestId, 30)
    passTime(leaseMs + 1)
    const [settled] = await (round % 2 === 0
      ? Promise.all([customer.settle(requestId, 70), customer.ring()])
      : Promise.all([customer.ring(), customer.settle(requestId, 70)]).then(([, outcome]) => [outcome]))
    const again = await customer.settle(requestId, 90)
    expect(again?.outcome).toBe('already_settled')
    expect([settled?.costNanos, again?.costNanos]).toEqual([70, 70])
  }
  const events = await customer.waiting()
  expect(events.reduce((sum, { amountNanos }) => sum + amountNanos, 0)).toBe(-700)
})
