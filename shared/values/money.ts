import { z } from 'zod'
import { assert } from './assert.ts'

/** Nano-dollars in a dollar. */
const nanosPerUsd = 1_000_000_000n

/** Largest amount of one entry or balance: 4.5 million dollars, so that a sum of two still is a safe integer of nano-dollars. */
export const maxAmountNanos = 4_500_000_000_000_000

/** Whole nano-dollars, not negative. */
export const Nanos = z.int().min(0).max(maxAmountNanos)

/** Whole nano-dollars; spend and debits are negative. */
export const SignedNanos = z.int().min(-maxAmountNanos).max(maxAmountNanos)

/** Asserts that an amount is whole and in range, and returns it. */
export function checkedNanos(amountNanos: number): number {
  assert(Number.isSafeInteger(amountNanos) && Math.abs(amountNanos) <= maxAmountNanos, 'amount of money out of range')
  return amountNanos
}

/** Reads `12.34` dollars as nano-dollars; null when it is not a decimal number with at most nine places, or out of range. */
export function parseUsd(text: string): number | null {
  const match = /^(-?)(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text)
  if (!match) return null
  const [, sign = '', whole = '0', fraction = ''] = match
  const nanos = BigInt(whole) * nanosPerUsd + BigInt(fraction.padEnd(9, '0'))
  const signed = Number(sign === '-' ? -nanos : nanos)
  return Math.abs(signed) <= maxAmountNanos ? signed : null
}

/** Writes nano-dollars as exact decimal dollars without trailing zeros beyond cents: 12_340_000_000 is `12.34`. */
export function formatUsd(amountNanos: number): string {
  const digits = Math.abs(checkedNanos(amountNanos)).toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0{1,7}$/, '')
  return `${amountNanos < 0 ? '-' : ''}${digits.slice(0, -9)}.${fraction}`
}
