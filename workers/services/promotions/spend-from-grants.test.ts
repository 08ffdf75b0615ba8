import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxAmountNanos } from '#shared/values/money.ts'
import { promotionalNanosOf, spendFromGrants } from './spend-from-grants.ts'

interface Grant {
  id: string
  remainingNanos: number
  expiresAt: Date
}

/** What happens to an organization; `look` settles without anything to settle for. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('grant' as const), amountNanos: fc.integer({ min: 1, max: 40 }), days: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('spend' as const), nanos: fc.integer({ min: 0, max: 15 }) }),
    fc.record({ kind: fc.constant('expire' as const), day: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('look' as const) }),
  ),
  { maxLength: 60 },
)

/** Request by request, nano by nano: each is taken from the living grant that ends first. */
function spendAtOnce(living: Grant[], nanos: number): number {
  let paid = 0
  for (let nano = 0; nano < nanos; nano++) {
    const [first] = living
      .filter(({ remainingNanos }) => remainingNanos > 0)
      .sort((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime() || a.id.localeCompare(b.id))
    if (first) first.remainingNanos--
    else paid++
  }
  return paid
}

test('what many requests spent is set against the grants as if each had been when it was settled', () => {
  fc.assert(
    fc.property(happenings, (all) => {
      let model: Grant[] = []
      let living: Grant[] = []
      let unset = 0n
      const atOnce = { paid: 0, expired: 0 }
      const sums = { given: 0n, spent: 0n, set: 0n, expired: 0n }
      const settle = () => {
        const after = spendFromGrants(living, unset)
        sums.set += sumOf(living) - sumOf(after)
        living = after
        unset = 0n
      }
      for (const [index, each] of all.entries()) {
        if (each.kind === 'spend') {
          atOnce.paid += spendAtOnce(model, each.nanos)
          unset += BigInt(each.nanos)
          sums.spent += BigInt(each.nanos)
          continue
        }
        settle()
        expect(byId(living)).toEqual(byId(model))
        if (each.kind === 'grant') {
          const grant = { id: `grn_${String(index).padStart(3, '0')}`, remainingNanos: each.amountNanos, expiresAt: new Date(each.days) }
          // In no order: the rule is to find its own.
          living = [grant, ...living]
          model = [...model, { ...grant }]
          sums.given += BigInt(each.amountNanos)
        } else if (each.kind === 'expire') {
          const lives = ({ expiresAt }: Grant) => expiresAt.getTime() > each.day
          sums.expired += sumOf(living.filter((grant) => !lives(grant)))
          atOnce.expired += Number(sumOf(model.filter((grant) => !lives(grant))))
          living = living.filter(lives)
          model = model.filter(lives)
        }
      }
      settle()
      expect(byId(living)).toEqual(byId(model))
      expect(sums.given).toBe(sums.set + sums.expired + sumOf(living))
      expect([sums.spent - sums.set, sums.expired]).toEqual([BigInt(atOnce.paid), BigInt(atOnce.expired)])
    }),
    { numRuns: 300 },
  )
})

const sumOf = (grants: Grant[]) => grants.reduce((sum, { remainingNanos }) => sum + BigInt(remainingNanos), 0n)
const byId = (grants: Grant[]) => grants.map(({ id, remainingNanos }) => `${id} ${remainingNanos}`).sort()

describe('sums', () => {
  const grant = (id: string, remainingNanos: number): Grant => ({ id, remainingNanos, expiresAt: new Date(0) })
  const left = (spentNanos: bigint) =>
    spendFromGrants([grant('b', maxAmountNanos), grant('a', maxAmountNanos)], spentNanos).map(({ remainingNanos }) => remainingNanos)

  test('beyond a safe integer are exact, and an amount below zero gives nothing back', () => {
    expect(left(-1n)).toEqual([maxAmountNanos, maxAmountNanos])
    expect(left(BigInt(maxAmountNanos) + 1n)).toEqual([0, maxAmountNanos - 1])
    expect(left(2n * BigInt(maxAmountNanos) - 1n)).toEqual([0, 1])
    expect(left(9_000_000_000_000_000_001n)).toEqual([0, 0])
  })

  test('of promotional credit are never more than the balance, nor below zero', () => {
    const grants = [grant('a', maxAmountNanos), grant('b', maxAmountNanos), grant('c', maxAmountNanos)]
    expect(promotionalNanosOf(grants, maxAmountNanos)).toBe(maxAmountNanos)
    expect(promotionalNanosOf([grant('a', 3), grant('b', 4)], 10)).toBe(7)
    expect(promotionalNanosOf([grant('a', 3), grant('b', 4)], 5)).toBe(5)
    expect(promotionalNanosOf([grant('a', 3)], -5)).toBe(0)
  })
})
