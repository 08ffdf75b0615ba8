import { assert } from '#shared/values/assert.ts'

/**
 * Nano-dollars of a top-up that are gone when so many of the paid cents went back: its part of what was paid, tax left out, rounded up; all of it when all
 * went back. What several returns take is the difference of two such sums, so that together they take exactly what went back, and never more than was given.
 */
export function returnedNanos({ amountNanos, paidCents }: { amountNanos: number; paidCents: number }, returnedCents: number): number {
  assert(returnedCents >= 0 && paidCents > 0, 'what went back is part of something that was paid')
  if (returnedCents >= paidCents) return amountNanos
  const scaled = BigInt(amountNanos) * BigInt(returnedCents)
  return Number((scaled + BigInt(paidCents) - 1n) / BigInt(paidCents))
}
