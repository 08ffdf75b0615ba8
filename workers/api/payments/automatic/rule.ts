import type { AutomaticAccount } from '#db/queries/payments/automatic-accounts.ts'
import { retryDelaysMs } from './limits.ts'

type Past = Pick<AutomaticAccount, 'failures' | 'lastFailure' | 'lastFailedAtMs' | 'isReturned'>

/** What follows from what became of earlier automatic top-ups: it is turned off, or waits until `retryAtMs`, which is null when nothing failed. */
export type Consequence =
  | { outcome: 'stopped'; because: 'declined' | 'authentication_required' | 'payment_returned' }
  | { outcome: 'goes_on'; retryAtMs: number | null }

/** A bank that asks for a person is not asked again without one, and neither is whoever had money back. */
export function consequenceOf({ failures, lastFailure, lastFailedAtMs, isReturned }: Past): Consequence {
  if (isReturned) return { outcome: 'stopped', because: 'payment_returned' }
  if (failures === 0 || lastFailedAtMs === null) return { outcome: 'goes_on', retryAtMs: null }
  if (lastFailure === 'authentication_required') return { outcome: 'stopped', because: lastFailure }
  const delayMs = retryDelaysMs[failures - 1]
  return delayMs === undefined ? { outcome: 'stopped', because: 'declined' } : { outcome: 'goes_on', retryAtMs: lastFailedAtMs + delayMs }
}

/** Whether one more top-up would be more than the cap of the month. */
export function isCapReached({ spentNanos, amountNanos, monthlyCapNanos }: AutomaticAccount): boolean {
  return amountNanos !== null && monthlyCapNanos !== null && spentNanos + amountNanos > monthlyCapNanos
}

/** What is charged when it is due. */
export interface Due {
  amountNanos: number
  livemode: boolean
}

/** The top-up that an organization needs now and may be charged for; null when there is none. */
export function dueTopUp(account: AutomaticAccount, nowMs: number): Due | null {
  const { automatic, isActive, isUnderWay, balanceNanos, thresholdNanos, amountNanos, livemode } = account
  if (!automatic || !isActive || isUnderWay || thresholdNanos === null || amountNanos === null || livemode === null) return null
  if (balanceNanos >= thresholdNanos || isCapReached(account)) return null
  const consequence = consequenceOf(account)
  if (consequence.outcome === 'stopped' || (consequence.retryAtMs ?? 0) > nowMs) return null
  return { amountNanos, livemode }
}
