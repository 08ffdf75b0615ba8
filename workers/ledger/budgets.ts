import type { AccountSnapshot, KeyFacts, Limits } from '#shared/contracts/account.ts'
import type { LimitState } from '#shared/contracts/ledger.ts'
import type { Position } from './position.ts'
import { dayEndsInMs, monthEndsInMs } from './spending.ts'

/** Something a request's money is taken from: credit, or what a spend cap leaves of a period. */
export interface Budget {
  reason: 'insufficient_balance' | 'spend_per_day' | 'spend_per_month'
  /** What it can hold at most; without end for credit, which can be topped up. */
  capNanos: number
  /** What is not spent; running requests hold `heldNanos` of it. */
  leftNanos: number
  heldNanos: number
  /** Time until it is whole again; null when nothing but a person fills it. */
  renewsInMs: number | null
}

/** Every budget that must cover a key's request: the customer's credit, its spend caps, the key's own. */
export function budgetsOf(position: Position, account: AccountSnapshot, key: KeyFacts, nowMs: number): Budget[] {
  const { heldNanos } = position
  const leftNanos = position.availableNanos + heldNanos + account.overdraftNanos
  const credit: Budget = { reason: 'insufficient_balance', capNanos: Number.POSITIVE_INFINITY, leftNanos, heldNanos, renewsInMs: null }
  return [credit, ...spendBudgets(position, null, account.limits, nowMs), ...spendBudgets(position, key.keyId, key.limits, nowMs)]
}

/** The spend caps of the customer (null) or of a key. */
function spendBudgets(position: Position, keyId: string | null, limits: Limits, nowMs: number): Budget[] {
  const { spendPerDayNanos, spendPerMonthNanos } = limits
  if (spendPerDayNanos === undefined && spendPerMonthNanos === undefined) return []
  const spent = position.spending.spent(keyId, nowMs)
  const heldNanos = keyId === null ? position.heldNanos : position.held(keyId).nanos
  const budget = (reason: Budget['reason'], capNanos: number | undefined, spentNanos: number, renewsInMs: number): Budget[] =>
    capNanos === undefined ? [] : [{ reason, capNanos, leftNanos: capNanos - spentNanos, heldNanos, renewsInMs }]
  return [
    ...budget('spend_per_day', spendPerDayNanos, spent.dayNanos, dayEndsInMs(nowMs)),
    ...budget('spend_per_month', spendPerMonthNanos, spent.monthNanos, monthEndsInMs(nowMs)),
  ]
}

/** What is left of the tightest cap of a period; null when there is none. */
export function capState(budgets: Budget[], reason: Budget['reason']): LimitState | null {
  const states = budgets
    .filter((budget) => budget.reason === reason)
    .map(({ capNanos, leftNanos, heldNanos, renewsInMs }) => ({
      limit: capNanos,
      remaining: Math.max(0, leftNanos - heldNanos),
      resetMs: leftNanos === capNanos ? 0 : (renewsInMs ?? 0),
    }))
  return states.reduce<LimitState | null>(tighter, null)
}

/** Of two limits the one with less left. */
export function tighter(one: LimitState | null, other: LimitState | null): LimitState | null {
  if (!one || !other) return one ?? other
  return other.remaining < one.remaining ? other : one
}
