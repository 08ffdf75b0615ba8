import type { AccountSnapshot, KeyFacts } from '#shared/contracts/account.ts'
import type { AdmitRequest, HoldReference, LimitState, RefusalReason, Standing } from '#shared/contracts/ledger.ts'
import type { Settlement, UsageEvent } from '#shared/contracts/usage-event.ts'
import { inFlightRetryMs, snapshotUsableMs } from './limits.ts'
import type { Expired, Hold, Position } from './position.ts'
import { brokenLimit, limitStates } from './windows.ts'

/** The rules of admission and settlement. Nothing here changes anything: time and state come in, a decision goes out. */

export type Decision =
  | { outcome: 'admitted'; account: AccountSnapshot; key: KeyFacts }
  | { outcome: 'refused'; reason: RefusalReason; retryAfterMs: number | null }
  | { outcome: 'snapshot_required' }

/** Whether a request may start: key, account, model, rates, concurrency and money, all or nothing. */
export function decideAdmission(position: Position, admit: AdmitRequest, nowMs: number): Decision {
  const holder = findHolder(position, admit.request.keyId, admit.snapshot !== undefined, nowMs)
  if (holder.outcome !== 'found') return holder
  const { account, key } = holder
  if (key.allowedModels && !key.allowedModels.includes(admit.request.model)) return refuse('model_not_allowed')
  const earlier = position.holds.get(admit.request.requestId)
  if (earlier) return isSameHold(earlier, admit) ? { outcome: 'admitted', account, key } : refuse('request_reused')
  for (const { limits, window } of position.countedWindows(account, key)) {
    const broken = brokenLimit(window, limits, admit.reservedTokens, nowMs)
    if (broken) return refuse(broken.reason, broken.retryAfterMs)
  }
  if (position.holds.size >= (account.limits.concurrency ?? Number.POSITIVE_INFINITY)) return refuse('concurrency', inFlightRetryMs)
  if (position.liveLeases(key.keyId) >= (key.limits.concurrency ?? Number.POSITIVE_INFINITY)) return refuse('concurrency', inFlightRetryMs)
  return decideMoney(position, account, admit.holdNanos) ?? { outcome: 'admitted', account, key }
}

/** The account and key a request belongs to, as long as what is known of them is recent enough to act on. */
export function findHolder(
  position: Position,
  keyId: string,
  hasSnapshot: boolean,
  nowMs: number,
):
  | { outcome: 'found'; account: AccountSnapshot; key: KeyFacts }
  | { outcome: 'refused'; reason: 'account_suspended' | 'key_unknown' | 'key_expired'; retryAfterMs: null }
  | { outcome: 'snapshot_required' } {
  const { account } = position
  if (!account || nowMs - position.accountSeenAtMs > snapshotUsableMs) return { outcome: 'snapshot_required' }
  if (account.status !== 'active') return { outcome: 'refused', reason: 'account_suspended', retryAfterMs: null }
  const key = position.key(keyId)
  // A key made a moment ago may not have been pushed yet: only a snapshot read for this very request proves that it does not exist.
  if (!key) return hasSnapshot ? { outcome: 'refused', reason: 'key_unknown', retryAfterMs: null } : { outcome: 'snapshot_required' }
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return { outcome: 'refused', reason: 'key_expired', retryAfterMs: null }
  return { outcome: 'found', account, key }
}

/** Admits iff `available - hold >= -overdraft`. Tells a customer without money from one whose running requests hold the rest. */
function decideMoney(position: Position, account: AccountSnapshot, holdNanos: number): Decision | null {
  const afterwardsNanos = position.availableNanos - holdNanos
  if (afterwardsNanos >= -account.overdraftNanos) return null
  return afterwardsNanos + position.heldNanos >= -account.overdraftNanos
    ? refuse('in_flight_budget', inFlightRetryMs)
    : refuse('insufficient_balance')
}

function refuse(reason: RefusalReason, retryAfterMs: number | null = null): Decision {
  return { outcome: 'refused', reason, retryAfterMs }
}

function isSameHold(hold: Hold, admit: HoldReference): boolean {
  const { request, holdNanos, reservedTokens } = hold
  return (
    request.keyId === admit.request.keyId &&
    request.model === admit.request.model &&
    request.priceVersionId === admit.request.priceVersionId &&
    holdNanos === admit.holdNanos &&
    reservedTokens === admit.reservedTokens
  )
}

/** The event that debits an ended request. A cost above the hold is cut to it: a customer's floor holds whatever an upstream reports. */
export function settlementEvent(reference: HoldReference, settlement: Settlement, nowMs: number): UsageEvent {
  const capped = settlement.costNanos > reference.holdNanos
  const costNanos = capped ? reference.holdNanos : settlement.costNanos
  return {
    kind: 'settlement',
    amountNanos: costNanos === 0 ? 0 : -costNanos,
    settledAtMs: nowMs,
    request: reference.request,
    settlement: { ...settlement, costNanos, capped: settlement.capped || capped },
  }
}

/** The event that corrects a request settled by expiry, once its truth has arrived. */
export function adjustmentEvent(reference: HoldReference, settlement: Settlement, expired: Expired, nowMs: number): UsageEvent {
  const event = settlementEvent(reference, settlement, nowMs)
  return { ...event, kind: 'adjustment', amountNanos: expired.costNanos - event.settlement.costNanos }
}

/** What an orphaned request is settled with: its last report, or nothing, because nothing shows that anything was delivered. */
export function expirySettlement(hold: Hold, nowMs: number): Settlement {
  const unheard: Settlement = {
    costNanos: 0,
    usage: {},
    estimated: true,
    capped: false,
    end: 'expired',
    status: null,
    routeId: null,
    upstream: null,
    latencyMs: Math.max(0, nowMs - hold.request.startedAtMs),
    timeToFirstTokenMs: null,
  }
  return hold.report ? { ...hold.report, estimated: true, end: 'expired' } : unheard
}

/** What is left for a key: of each limit the tighter of the customer's and the key's own. */
export function standingOf(position: Position, keyId: string, nowMs: number): Standing {
  const { account } = position
  const key = position.key(keyId)
  const standing: Standing = {
    availableNanos: position.availableNanos,
    requestsPerMinute: null,
    tokensPerMinute: null,
    requestsPerDay: null,
    concurrency: null,
    spendPerDay: null,
    spendPerMonth: null,
  }
  if (!account || !key) return standing
  for (const { limits, window } of position.countedWindows(account, key)) {
    const states = limitStates(window, limits, nowMs)
    standing.requestsPerMinute = tighter(standing.requestsPerMinute, states.requestsPerMinute)
    standing.tokensPerMinute = tighter(standing.tokensPerMinute, states.tokensPerMinute)
    standing.requestsPerDay = tighter(standing.requestsPerDay, states.requestsPerDay)
  }
  standing.concurrency = tighter(
    concurrencyState(account.limits.concurrency, position.holds.size),
    concurrencyState(key.limits.concurrency, position.liveLeases(keyId)),
  )
  return standing
}

function concurrencyState(limit: number | undefined, live: number): LimitState | null {
  return limit === undefined ? null : { limit, remaining: Math.max(0, limit - live), resetMs: 0 }
}

function tighter(one: LimitState | null, other: LimitState | null): LimitState | null {
  if (!one || !other) return one ?? other
  return other.remaining < one.remaining ? other : one
}
