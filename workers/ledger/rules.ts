import type { AccountSnapshot, KeyFacts } from '#shared/contracts/account.ts'
import type { AdmitRequest, EarlierRequest, HoldReference, LimitState, RefusalReason, Room, Standing } from '#shared/contracts/ledger.ts'
import type { Settlement, UsageEvent } from '#shared/contracts/usage-event.ts'
import { isAllowedAddress } from './allowed-addresses.ts'
import { budgetsOf, capState, tighter } from './budgets.ts'
import type { Settings } from './env.ts'
import { backlogRetryMs, inFlightRetryMs, snapshotFreshMs, unconfirmedMost } from './limits.ts'
import type { Expired, Hold, Position } from './position.ts'
import { brokenLimit, limitStates } from './windows.ts'

/** The rules of admission and settlement. Nothing here changes anything: time and state come in, a decision goes out. */

export type Decision =
  | { outcome: 'admitted'; account: AccountSnapshot; key: KeyFacts }
  | Refusal
  | { outcome: 'snapshot_required' }
  | { outcome: 'credentials_changed' }

/** `room` and `earlier` as in the contract. */
export interface Refusal<Reason extends RefusalReason = RefusalReason> {
  outcome: 'refused'
  reason: Reason
  retryAfterMs: number | null
  room: Room | null
  earlier?: EarlierRequest
}

/** How long and how far a customer is served while Postgres cannot be read. */
export type WithoutPostgres = Pick<Settings, 'withoutPostgresMs' | 'withoutPostgresNanos'>

/** Whether a request may start: key, account, model, idempotency, rates, concurrency and money, all or nothing. */
export function decideAdmission(position: Position, admit: AdmitRequest, without: WithoutPostgres, nowMs: number): Decision {
  const holder = findHolder(position, admit.request, admit.snapshot !== undefined, without, nowMs)
  if (holder.outcome !== 'found') return holder
  const { account, key } = holder
  if ((account.credentialsVersion ?? 0) > (admit.credentialsVersion ?? 0)) return { outcome: 'credentials_changed' }
  const admitted: Decision = { outcome: 'admitted', account, key }
  const { allowedModels } = key
  if (allowedModels && !wantedModels(admit).every((model) => allowedModels.includes(model))) return refuse('model_not_allowed')
  const earlier = position.holds.get(admit.request.requestId)
  if (earlier) return isSameHold(earlier, admit) ? admitted : refuse('request_reused')
  const taken = admit.idempotency && position.idempotency.taken(admit.idempotency, nowMs)
  if (taken) return { outcome: 'refused', room: null, ...taken }
  if (position.unconfirmed.size >= unconfirmedMost) return refuse('unconfirmed_backlog', backlogRetryMs)
  // What the customer's own provider credentials serve costs it nothing here, so neither its balance nor a cap on its spending stands in the way.
  if (!admit.isByok && isTooExposed(position, admit.holdNanos, without, nowMs)) return { outcome: 'snapshot_required' }
  const refusal = decideRates(position, account, key, admit, nowMs)
  if (refusal || admit.isByok) return refusal ?? admitted
  return decideMoney(position, account, key, admit.holdNanos, nowMs) ?? admitted
}

function wantedModels({ request, fallbackModels = [] }: AdmitRequest): string[] {
  return [request.model, ...fallbackModels]
}

/** The account and key a request belongs to, as long as what is known of them is recent enough to act on. Without `clientIp` it comes from anywhere. */
export function findHolder(
  position: Position,
  { keyId, clientIp }: { keyId: string; clientIp?: string | undefined },
  hasSnapshot: boolean,
  { withoutPostgresMs }: WithoutPostgres,
  nowMs: number,
):
  | { outcome: 'found'; account: AccountSnapshot; key: KeyFacts }
  | Refusal<'account_suspended' | 'key_unknown' | 'key_expired' | 'ip_not_allowed'>
  | { outcome: 'snapshot_required' } {
  const { account } = position
  if (!account || nowMs - position.accountSeenAtMs > withoutPostgresMs) return { outcome: 'snapshot_required' }
  if (account.status !== 'active') return refuse('account_suspended')
  const key = position.key(keyId)
  // A key made a moment ago may not have been pushed yet: only a snapshot read for this very request proves that it does not exist.
  if (!key) return hasSnapshot ? refuse('key_unknown') : { outcome: 'snapshot_required' }
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return refuse('key_expired')
  if (key.allowedIps && clientIp !== undefined && !isAllowedAddress(key.allowedIps, clientIp)) return refuse('ip_not_allowed')
  return { outcome: 'found', account, key }
}

/**
 * Whether more would be promised than a customer may hold and have spent while Postgres is away. It counts as away when the account was not read
 * for a while; asking for a snapshot then finds out, and a snapshot just read makes the account fresh.
 */
function isTooExposed(position: Position, holdNanos: number, { withoutPostgresNanos }: WithoutPostgres, nowMs: number): boolean {
  if (nowMs - position.accountSeenAtMs <= snapshotFreshMs) return false
  return position.heldNanos - position.unconfirmedNanos + holdNanos > withoutPostgresNanos
}

function decideRates(position: Position, account: AccountSnapshot, key: KeyFacts, admit: AdmitRequest, nowMs: number): Refusal | null {
  for (const { limits, window } of position.countedWindows(account, key)) {
    const broken = brokenLimit(window, limits, admit.reservedTokens, nowMs)
    if (broken) {
      const room = broken.reason === 'tokens_per_minute' ? roomOf(position, account, key, nowMs) : null
      return refuse(broken.reason, broken.retryAfterMs, room)
    }
  }
  const isFull =
    position.holds.size >= (account.limits.concurrency ?? Number.POSITIVE_INFINITY) ||
    position.held(key.keyId).leases >= (key.limits.concurrency ?? Number.POSITIVE_INFINITY)
  return isFull ? refuse('concurrency', inFlightRetryMs) : null
}

/**
 * Admits iff every budget covers the hold. A budget that would cover it without what runs is short only for a moment (`in_flight_budget`); else the
 * budget itself is used up.
 */
function decideMoney(position: Position, account: AccountSnapshot, key: KeyFacts, holdNanos: number, nowMs: number): Refusal | null {
  const short = budgetsOf(position, account, key, nowMs).filter((budget) => budget.leftNanos - budget.heldNanos < holdNanos)
  // What cannot be helped by waiting is said first.
  const [first] = short.toSorted((one, other) => Number(one.leftNanos >= holdNanos) - Number(other.leftNanos >= holdNanos))
  if (!first) return null
  const room = roomOf(position, account, key, nowMs)
  if (first.leftNanos >= holdNanos) return refuse('in_flight_budget', inFlightRetryMs, room)
  return refuse(first.reason, first.capNanos < holdNanos ? null : first.renewsInMs, room)
}

function roomOf(position: Position, account: AccountSnapshot, key: KeyFacts, nowMs: number): Room {
  const free = budgetsOf(position, account, key, nowMs).map(({ leftNanos, heldNanos }) => leftNanos - heldNanos)
  const tokens = position
    .countedWindows(account, key)
    .flatMap(({ limits, window }) => limitStates(window, limits, nowMs).tokensPerMinute?.remaining ?? [])
  return { holdNanos: Math.max(0, Math.min(...free)), tokens: tokens.length === 0 ? null : Math.min(...tokens) }
}

function refuse<Reason extends RefusalReason>(
  reason: Reason,
  retryAfterMs: number | null = null,
  room: Room | null = null,
): Refusal<Reason> {
  return { outcome: 'refused', reason, retryAfterMs, room }
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

/**
 * The event that corrects a request settled by expiry, once its truth has arrived. Its hold was freed then, so what it cost above the estimate is
 * taken only as far as the customer's means go: the floor holds for late truths too.
 */
export function adjustmentEvent(
  reference: HoldReference,
  settlement: Settlement,
  expired: Expired,
  meansNanos: number,
  nowMs: number,
): UsageEvent {
  const event = settlementEvent(reference, settlement, nowMs)
  const mostNanos = expired.costNanos + Math.max(0, meansNanos)
  const capped = event.settlement.costNanos > mostNanos
  const costNanos = capped ? mostNanos : event.settlement.costNanos
  return {
    ...event,
    kind: 'adjustment',
    amountNanos: expired.costNanos - costNanos,
    settlement: { ...event.settlement, costNanos, capped: event.settlement.capped || capped },
  }
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
    concurrencyState(key.limits.concurrency, position.held(keyId).leases),
  )
  const caps = budgetsOf(position, account, key, nowMs)
  standing.spendPerDay = capState(caps, 'spend_per_day')
  standing.spendPerMonth = capState(caps, 'spend_per_month')
  return standing
}

function concurrencyState(limit: number | undefined, live: number): LimitState | null {
  return limit === undefined ? null : { limit, remaining: Math.max(0, limit - live), resetMs: 0 }
}
