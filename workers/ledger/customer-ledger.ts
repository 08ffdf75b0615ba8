import { DurableObject } from 'cloudflare:workers'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type {
  AdmitOutcome,
  AdmitRequest,
  AppliedNotice,
  CustomerLedgerRpc,
  FindOutcome,
  HoldReference,
  LedgerAudit,
  RenewOutcome,
  RenewRequest,
  SettleOutcome,
  SettleRequest,
  StandingOutcome,
} from '#shared/contracts/ledger.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { totalTokens } from '#shared/pricing/usage.ts'
import { assert } from '#shared/values/assert.ts'
import { checkedNanos } from '#shared/values/money.ts'
import { logFailure } from '#workers/edge/log.ts'
import { Deadlines } from './deadlines.ts'
import { type Env, readSettings } from './env.ts'
import { Journal } from './journal.ts'
import { auditedMost, expiredKeptMs, refreshAskedMs, snapshotFreshMs } from './limits.ts'
import { Outbox } from './outbox.ts'
import { type Hold, Position } from './position.ts'
import { adjustmentEvent, decideAdmission, expirySettlement, findHolder, settlementEvent, standingOf } from './rules.ts'
import { eventOf, unconfirmedOf } from './unconfirmed.ts'
import { correctTokens, countRequest } from './windows.ts'

/**
 * The ledger of one customer: holds, limits and the outbox of settled requests. A method asks the rules, changes the position and tells the journal,
 * all without awaiting; a settlement is answered once it is durable, together with all others of the same moment.
 */
export class CustomerLedger extends DurableObject<Env> implements CustomerLedgerRpc {
  readonly #settings = readSettings(this.env)
  readonly #position = new Position()
  readonly #deadlines = new Deadlines(this.ctx.storage, this.#position, this.#settings)
  readonly #outbox = new Outbox(this.#position, this.#settings)
  readonly #journal = new Journal(this.ctx, this.#position, this.#settings.flushMs, (wroteEvents) => this.#afterCommit(wroteEvents))

  /** Checks everything that limits a request and reserves it, all or nothing. Idempotent by the request id. */
  admit(admit: AdmitRequest): AdmitOutcome {
    const nowMs = Date.now()
    assertAmount(admit.holdNanos)
    if (admit.snapshot) this.#takeSnapshot(admit.snapshot, nowMs)
    const { requestId, keyId } = admit.request
    const decision: ReturnType<typeof decideAdmission> = this.#position.hasEnded(requestId)
      ? { outcome: 'refused', reason: 'request_reused', retryAfterMs: null, room: null }
      : decideAdmission(this.#position, admit, this.#settings, nowMs)
    if (decision.outcome === 'snapshot_required' || decision.outcome === 'credentials_changed') return decision
    if (decision.outcome === 'refused') return { ...decision, standing: standingOf(this.#position, keyId, nowMs) }
    if (!this.#position.holds.has(requestId)) {
      for (const { window } of this.#position.countedWindows(decision.account, decision.key)) {
        countRequest(window, admit.reservedTokens, nowMs)
        this.#journal.windowsCounted()
      }
      this.#open(admit, nowMs, nowMs)
    }
    return {
      outcome: 'admitted',
      leaseExpiresAtMs: nowMs + this.#settings.leaseMs,
      snapshotIsStale: this.#asksForRefresh(nowMs),
      standing: standingOf(this.#position, keyId, nowMs),
    }
  }

  /** Extends a lease and keeps the report of its progress. Opens a hold again that a lost machine has forgotten. */
  renew(renewal: RenewRequest): RenewOutcome {
    const nowMs = Date.now()
    const { requestId } = renewal.request
    assertAmount(renewal.holdNanos)
    assertAmount(renewal.report.costNanos)
    if (this.#position.hasEnded(requestId)) return { outcome: 'ended' }
    const hold = this.#position.holds.get(requestId) ?? this.#open(renewal, nowMs, null)
    hold.leaseExpiresAtMs = nowMs + this.#settings.leaseMs
    hold.report = renewal.report
    this.#journal.holdChanged(requestId)
    return { outcome: 'renewed', leaseExpiresAtMs: hold.leaseExpiresAtMs }
  }

  /** Ends requests, each with its cost. The first settle of a request wins; the answer comes when all are durable. */
  async settle({ settlements }: { settlements: SettleRequest[] }): Promise<SettleOutcome[]> {
    for (const { holdNanos, settlement } of settlements) {
      assertAmount(holdNanos)
      assertAmount(settlement.costNanos)
    }
    const outcomes = settlements.map((settle) => this.#settle(settle, Date.now()))
    await this.#journal.durable()
    return outcomes
  }

  /** Ends a hold whose request never left for an upstream. */
  release({ requestId }: { requestId: string }): void {
    const hold = this.#position.close(requestId)
    if (!hold) return
    this.#correctTokens(hold, 0)
    this.#journal.holdEnded(requestId)
  }

  /** Postgres has posted these events; its balance includes them. */
  applied({ eventIds, balanceNanos, version }: AppliedNotice): void {
    for (const eventId of eventIds) {
      const entry = this.#position.confirm(eventId)
      if (entry?.expired && this.#position.expired.has(entry.requestId)) this.#journal.expiryKept(entry.requestId, entry.expired)
    }
    this.#position.takeBalance(checkedNanos(balanceNanos), version)
    this.#journal.eventsConfirmed(eventIds)
  }

  /** A newer account, pushed after a change or read again because the known one is stale. */
  refresh({ snapshot }: { snapshot: AccountSnapshot }): void {
    this.#takeSnapshot(snapshot, Date.now())
  }

  /** A request of a key that runs, or has ended and is not confirmed by Postgres. Counts nothing. */
  find({ requestId, keyId }: { requestId: string; keyId: string }): FindOutcome {
    const hold = this.#position.holds.get(requestId)
    if (hold?.request.keyId === keyId) return { state: 'running', request: hold.request }
    const entry = this.#position.unconfirmedOf(requestId)
    return entry?.keyId === keyId ? { state: 'settled', event: eventOf(entry) } : { state: 'unknown' }
  }

  /** What a key has left, for `GET /v1/key` and the operator, and which provider credentials its customer has. Counts nothing. */
  standing({ keyId, clientIp, snapshot }: { keyId: string; clientIp?: string; snapshot?: AccountSnapshot }): StandingOutcome {
    const nowMs = Date.now()
    if (snapshot) this.#takeSnapshot(snapshot, nowMs)
    const holder = findHolder(this.#position, { keyId, clientIp }, snapshot !== undefined, this.#settings, nowMs)
    if (holder.outcome === 'snapshot_required') return holder
    if (holder.outcome === 'refused') return { outcome: 'refused', reason: holder.reason }
    const { heldNanos, unconfirmedNanos } = this.#position
    const { credentialsVersion = 0 } = holder.account
    return { outcome: 'known', standing: standingOf(this.#position, keyId, nowMs), heldNanos, unconfirmedNanos, credentialsVersion }
  }

  /** What the object holds and awaits, for reconciliation. */
  audit(): LedgerAudit {
    const { balanceNanos, balanceVersion, heldNanos, holds, unconfirmedNanos, unconfirmed } = this.#position
    return {
      balance: balanceVersion < 0 ? null : { balanceNanos, version: balanceVersion },
      heldNanos,
      holds: [...holds.values()].slice(0, auditedMost).map(({ request, holdNanos, leaseExpiresAtMs }) => {
        return { requestId: request.requestId, holdNanos, leaseExpiresAtMs }
      }),
      unconfirmedNanos,
      unconfirmed: [...unconfirmed].slice(0, auditedMost).map(([eventId, { amountNanos, settledAtMs }]) => {
        return { eventId, amountNanos, settledAtMs }
      }),
    }
  }

  /** Settles orphans, sends again what is unconfirmed, and arms itself for what comes next, whatever failed. */
  override async alarm(): Promise<void> {
    this.#deadlines.rang()
    try {
      this.#expireLeases(Date.now())
      this.#forgetExpired(Date.now())
      await this.#journal.durable()
      await this.#outbox.dispatch(this.#organizationId, Date.now())
    } catch (error) {
      logFailure('ledger_alarm_failed', error)
    } finally {
      await this.#deadlines.arm(Date.now())
    }
  }

  /** What is durable may leave, and what comes due next is known. */
  async #afterCommit(wroteEvents: boolean): Promise<void> {
    if (wroteEvents) this.#outbox.dispatchSoon(this.#organizationId)
    await this.#deadlines.arm(Date.now())
  }

  get #organizationId(): string {
    return this.ctx.id.name ?? this.#position.account?.organizationId ?? ''
  }

  #takeSnapshot(snapshot: AccountSnapshot, nowMs: number): void {
    if (this.#position.takeSnapshot(snapshot, nowMs)) this.#journal.accountTaken(snapshot, nowMs)
  }

  /** Whether this request is the one to have a stale account read again. */
  #asksForRefresh(nowMs: number): boolean {
    const position = this.#position
    if (nowMs - position.accountSeenAtMs <= snapshotFreshMs || nowMs - position.refreshAskedAtMs < refreshAskedMs) return false
    position.refreshAskedAtMs = nowMs
    return true
  }

  #open({ request, holdNanos, reservedTokens, idempotency }: HoldReference, nowMs: number, countedAtMs: number | null): Hold {
    const leaseExpiresAtMs = nowMs + this.#settings.leaseMs
    const hold: Hold = {
      request,
      holdNanos,
      reservedTokens,
      countedAtMs,
      leaseExpiresAtMs,
      report: null,
      ...(idempotency && { idempotency }),
    }
    this.#position.open(hold)
    this.#journal.holdOpened(hold)
    return hold
  }

  #settle(settle: SettleRequest, nowMs: number): SettleOutcome {
    const { requestId } = settle.request
    const earlierNanos = this.#position.settled.get(requestId)
    const expired = this.#position.expired.get(requestId)
    if (expired) return this.#adjust(settle, expired, nowMs)
    if (earlierNanos !== undefined) return { outcome: 'already_settled', costNanos: earlierNanos }
    const hold = this.#position.close(requestId)
    this.#journal.holdEnded(requestId)
    if (hold) this.#correctTokens(hold, totalTokens(settle.settlement.usage))
    const reference = hold ?? settle
    return { outcome: 'settled', costNanos: this.#record(reference, settlementEvent(reference, settle.settlement, nowMs)) }
  }

  /** The truth about an orphan. */
  #adjust(settle: SettleRequest, expired: { costNanos: number; expiredAtMs: number }, nowMs: number): SettleOutcome {
    const meansNanos = this.#position.availableNanos + (this.#position.account?.overdraftNanos ?? 0)
    this.#dropExpired(settle.request.requestId)
    return { outcome: 'adjusted', costNanos: this.#record(settle, adjustmentEvent(settle, settle.settlement, expired, meansNanos, nowMs)) }
  }

  /** Answers what the request has been charged with this event. */
  #record({ idempotency }: HoldReference, event: UsageEvent): number {
    const eventId = eventIdOf(event)
    const { request, settlement, settledAtMs } = event
    if (!this.#position.addUnconfirmed(eventId, unconfirmedOf(event))) return settlement.costNanos
    this.#journal.eventSettled(eventId)
    if (idempotency) {
      this.#position.idempotency.end(idempotency, request.requestId, settlement, settledAtMs)
      this.#journal.keyEnded(idempotency.keyHash)
    }
    return settlement.costNanos
  }

  #correctTokens(hold: Hold, usedTokens: number): void {
    const { account } = this.#position
    const key = this.#position.key(hold.request.keyId)
    if (!account || !key || hold.countedAtMs === null) return
    for (const { window } of this.#position.countedWindows(account, key)) {
      correctTokens(window, hold.countedAtMs, usedTokens - hold.reservedTokens)
      this.#journal.windowsCounted()
    }
  }

  #expireLeases(nowMs: number): void {
    for (const hold of [...this.#position.holds.values()]) {
      if (hold.leaseExpiresAtMs > nowMs) continue
      const { costNanos } = this.#settle({ ...hold, settlement: expirySettlement(hold, nowMs) }, nowMs)
      this.#position.expired.set(hold.request.requestId, { costNanos, expiredAtMs: nowMs })
    }
  }

  #forgetExpired(nowMs: number): void {
    for (const [requestId, { expiredAtMs }] of this.#position.expired) {
      if (nowMs - expiredAtMs >= expiredKeptMs) this.#dropExpired(requestId)
    }
  }

  #dropExpired(requestId: string): void {
    this.#position.expired.delete(requestId)
    this.#journal.expiryForgotten(requestId)
  }
}

/** A negative hold or cost would be money made of nothing. */
function assertAmount(amountNanos: number): void {
  assert(checkedNanos(amountNanos) >= 0, 'a hold or cost below zero')
}
