import { DurableObject } from 'cloudflare:workers'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type {
  AdmitOutcome,
  AdmitRequest,
  AppliedNotice,
  CustomerLedgerRpc,
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
import { type Env, readSettings } from './env.ts'
import {
  auditedMost,
  dispatchDelayMs,
  durableAtOnceNanos,
  expiredKeptMs,
  flushIntervalMs,
  resendAfterMs,
  snapshotFreshMs,
  windowsWriteMs,
} from './limits.ts'
import { Outbox } from './outbox.ts'
import { type Hold, Position } from './position.ts'
import { adjustmentEvent, decideAdmission, expirySettlement, findHolder, settlementEvent, standingOf } from './rules.ts'
import { LedgerStore, unconfirmedOf } from './store.ts'
import { correctTokens, countRequest } from './windows.ts'

/**
 * The ledger of one customer: holds, limits and the outbox of settled requests. Decisions are taken in memory without awaiting; a settlement
 * is answered once it is durable, together with all others of the same moment.
 */
export class CustomerLedger extends DurableObject<Env> implements CustomerLedgerRpc {
  readonly #position = new Position()
  readonly #store = new LedgerStore(this.ctx.storage.sql)
  readonly #settings = readSettings(this.env)
  readonly #outbox = new Outbox(this.#settings.usageQueue, this.#position)
  readonly #unwrittenHolds = new Set<string>()
  #unwrittenEvents: string[] = []
  #flush: Promise<void> | null = null
  #dispatch: Promise<void> | null = null
  #alarmAtMs = Number.POSITIVE_INFINITY
  #windowsWrittenAtMs = 0
  #windowsChanged = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#store.load(this.#position)
  }

  /** Checks everything that limits a request and reserves it, all or nothing. Idempotent by the request id. */
  admit(admit: AdmitRequest): AdmitOutcome {
    const nowMs = Date.now()
    assertAmount(admit.holdNanos)
    if (admit.snapshot) this.#takeSnapshot(admit.snapshot, nowMs)
    const { requestId, keyId } = admit.request
    if (this.#position.hasEnded(requestId)) return this.#refused('request_reused', null, keyId, nowMs)
    const decision = decideAdmission(this.#position, admit, nowMs)
    if (decision.outcome === 'snapshot_required') return decision
    if (decision.outcome === 'refused') return this.#refused(decision.reason, decision.retryAfterMs, keyId, nowMs)
    if (!this.#position.holds.has(requestId)) {
      for (const { window } of this.#position.countedWindows(decision.account, decision.key)) {
        countRequest(window, admit.reservedTokens, nowMs)
        this.#windowsChanged = true
      }
      this.#open(admit, nowMs, nowMs)
    }
    return {
      outcome: 'admitted',
      leaseExpiresAtMs: nowMs + this.#settings.leaseMs,
      snapshotIsStale: nowMs - this.#position.accountSeenAtMs > snapshotFreshMs,
      standing: standingOf(this.#position, keyId, nowMs),
    }
  }

  /** Extends a lease and keeps the report of its progress. Opens a hold again that an eviction has lost. */
  renew(renewal: RenewRequest): RenewOutcome {
    const nowMs = Date.now()
    const { requestId } = renewal.request
    assertAmount(renewal.holdNanos)
    assertAmount(renewal.report.costNanos)
    if (this.#position.hasEnded(requestId)) return { outcome: 'ended' }
    const hold = this.#position.holds.get(requestId) ?? this.#open(renewal, nowMs, null)
    hold.leaseExpiresAtMs = nowMs + this.#settings.leaseMs
    hold.report = renewal.report
    this.#unwrittenHolds.add(requestId)
    void this.#scheduleFlush()
    return { outcome: 'renewed', leaseExpiresAtMs: hold.leaseExpiresAtMs }
  }

  /** Ends requests, each with its cost. The first settle of a request wins; the answer comes when all are durable. */
  async settle({ settlements }: { settlements: SettleRequest[] }): Promise<SettleOutcome[]> {
    for (const { holdNanos, settlement } of settlements) {
      assertAmount(holdNanos)
      assertAmount(settlement.costNanos)
    }
    const outcomes = settlements.map((settle) => this.#settle(settle, Date.now()))
    await this.#scheduleFlush()
    return outcomes
  }

  release({ requestId }: { requestId: string }): void {
    const hold = this.#position.close(requestId)
    if (!hold) return
    this.#correctTokens(hold, 0)
    this.#unwrittenHolds.delete(requestId)
    this.#store.endHold(requestId)
    void this.#scheduleFlush()
  }

  applied({ eventIds, balanceNanos, version }: AppliedNotice): void {
    for (const eventId of eventIds) {
      const entry = this.#position.confirm(eventId)
      // The row that told of the expiry goes with its confirmation; the truth may still come.
      if (entry?.expired && this.#position.expired.has(entry.requestId)) this.#store.writeExpired(entry.requestId, entry.expired)
    }
    this.#position.takeBalance(checkedNanos(balanceNanos), version)
    this.#store.confirm(eventIds, { balanceNanos: this.#position.balanceNanos, version: this.#position.balanceVersion })
  }

  refresh({ snapshot }: { snapshot: AccountSnapshot }): void {
    this.#takeSnapshot(snapshot, Date.now())
  }

  /** What a key has left, for `GET /v1/key` and the operator. Counts nothing. */
  standing({ keyId, snapshot }: { keyId: string; snapshot?: AccountSnapshot }): StandingOutcome {
    const nowMs = Date.now()
    if (snapshot) this.#takeSnapshot(snapshot, nowMs)
    const holder = findHolder(this.#position, keyId, snapshot !== undefined, nowMs)
    if (holder.outcome === 'snapshot_required') return holder
    if (holder.outcome === 'refused') return { outcome: 'refused', reason: holder.reason }
    const { heldNanos, unconfirmedNanos } = this.#position
    return { outcome: 'known', standing: standingOf(this.#position, keyId, nowMs), heldNanos, unconfirmedNanos }
  }

  /** What the object holds and awaits, for reconciliation. */
  audit(): LedgerAudit {
    const { balanceNanos, balanceVersion, heldNanos, holds, unconfirmedNanos, unconfirmed } = this.#position
    return {
      balance: balanceVersion < 0 ? null : { balanceNanos, version: balanceVersion },
      heldNanos,
      holds: [...holds.values()].slice(0, auditedMost).map(({ request, holdNanos, leaseExpiresAtMs }) => ({
        requestId: request.requestId,
        holdNanos,
        leaseExpiresAtMs,
      })),
      unconfirmedNanos,
      unconfirmed: [...unconfirmed]
        .slice(0, auditedMost)
        .map(([eventId, { amountNanos, settledAtMs }]) => ({ eventId, amountNanos, settledAtMs })),
    }
  }

  /** Settles orphans, sends again what is unconfirmed, and arms itself for what comes next, whatever failed. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = Number.POSITIVE_INFINITY
    const nowMs = Date.now()
    try {
      this.#expireLeases(nowMs)
      this.#forgetExpired(nowMs)
      await this.#scheduleFlush()
      await this.#outbox.dispatch(this.#organizationId, Date.now())
    } catch (error) {
      logFailure('ledger_alarm_failed', error)
    } finally {
      await this.#arm(Date.now())
    }
  }

  get #organizationId(): string {
    return this.ctx.id.name ?? this.#position.account?.organizationId ?? ''
  }

  #refused(
    reason: Extract<AdmitOutcome, { outcome: 'refused' }>['reason'],
    retryAfterMs: number | null,
    keyId: string,
    nowMs: number,
  ): AdmitOutcome {
    return { outcome: 'refused', reason, retryAfterMs, standing: standingOf(this.#position, keyId, nowMs), room: null }
  }

  #takeSnapshot(snapshot: AccountSnapshot, nowMs: number): void {
    if (this.#position.takeSnapshot(snapshot, nowMs)) this.#store.writeAccount(snapshot, nowMs)
  }

  #open({ request, holdNanos, reservedTokens }: HoldReference, nowMs: number, countedAtMs: number | null): Hold {
    const hold: Hold = { request, holdNanos, reservedTokens, countedAtMs, leaseExpiresAtMs: nowMs + this.#settings.leaseMs, report: null }
    this.#position.open(hold)
    if (holdNanos >= durableAtOnceNanos) this.#store.writeHold(hold)
    else this.#unwrittenHolds.add(request.requestId)
    void this.#scheduleFlush()
    return hold
  }

  #settle(settle: SettleRequest, nowMs: number): SettleOutcome {
    const { requestId } = settle.request
    const earlierNanos = this.#position.settled.get(requestId)
    const expired = this.#position.expired.get(requestId)
    if (earlierNanos !== undefined && !expired) return { outcome: 'already_settled', costNanos: earlierNanos }
    const hold = this.#position.close(requestId)
    this.#unwrittenHolds.delete(requestId)
    this.#store.endHold(requestId)
    const event = expired
      ? adjustmentEvent(settle, settle.settlement, expired, nowMs)
      : settlementEvent(hold ?? settle, settle.settlement, nowMs)
    if (hold) this.#correctTokens(hold, totalTokens(settle.settlement.usage))
    if (expired) this.#dropExpired(requestId)
    this.#record(event)
    return { outcome: expired ? 'adjusted' : 'settled', costNanos: event.settlement.costNanos }
  }

  #record(event: UsageEvent): void {
    const eventId = eventIdOf(event)
    if (this.#position.addUnconfirmed(eventId, unconfirmedOf(event))) this.#unwrittenEvents.push(eventId)
  }

  #correctTokens(hold: Hold, usedTokens: number): void {
    const { account } = this.#position
    const key = this.#position.key(hold.request.keyId)
    if (!account || !key || hold.countedAtMs === null) return
    for (const { window } of this.#position.countedWindows(account, key)) {
      correctTokens(window, hold.countedAtMs, usedTokens - hold.reservedTokens)
      this.#windowsChanged = true
    }
  }

  #expireLeases(nowMs: number): void {
    for (const hold of [...this.#position.holds.values()]) {
      if (hold.leaseExpiresAtMs > nowMs) continue
      const { requestId } = hold.request
      const { costNanos } = this.#settle({ ...hold, settlement: expirySettlement(hold, nowMs) }, nowMs) as { costNanos: number }
      this.#position.expired.set(requestId, { costNanos, expiredAtMs: nowMs })
    }
  }

  #forgetExpired(nowMs: number): void {
    for (const [requestId, { expiredAtMs }] of this.#position.expired) {
      if (nowMs - expiredAtMs >= expiredKeptMs) this.#dropExpired(requestId)
    }
  }

  #dropExpired(requestId: string): void {
    this.#position.expired.delete(requestId)
    this.#store.forgetExpired(requestId)
  }

  /** The next commit. All who wait for it share it; when it fails the object starts anew from what is on disk, and its callers try again. */
  #scheduleFlush(): Promise<void> {
    this.#flush ??= (async () => {
      await scheduler.wait(flushIntervalMs)
      this.#flush = null
      try {
        this.#writeAll(Date.now())
        await this.ctx.storage.sync()
      } catch (error) {
        this.ctx.abort(`ledger could not write: ${String(error)}`)
        throw error
      }
      await this.#arm(Date.now())
    })()
    return this.#flush
  }

  /** One turn, one commit: settled events in the place of the holds they end, holds that live on, and now and then the windows. */
  #writeAll(nowMs: number): void {
    const events = this.#unwrittenEvents.flatMap((eventId) => {
      const entry = this.#position.unconfirmed.get(eventId)
      return entry ? [[eventId, entry] as [string, typeof entry]] : []
    })
    this.#unwrittenEvents = []
    this.#store.writeSettled(events)
    for (const requestId of this.#unwrittenHolds) {
      const hold = this.#position.holds.get(requestId)
      if (hold) this.#store.writeHold(hold)
    }
    this.#unwrittenHolds.clear()
    this.#store.sweep()
    if (this.#windowsChanged && nowMs - this.#windowsWrittenAtMs >= windowsWriteMs) {
      this.#store.writeWindows(this.#position.windows)
      this.#windowsWrittenAtMs = nowMs
      this.#windowsChanged = false
    }
    if (events.length > 0) this.#scheduleDispatch()
  }

  #scheduleDispatch(): void {
    this.#dispatch ??= (async () => {
      await scheduler.wait(dispatchDelayMs)
      this.#dispatch = null
      await this.#outbox.dispatch(this.#organizationId, Date.now())
    })().catch((error: unknown) => logFailure('usage_dispatch_failed', error))
  }

  /** Sets the alarm for the first lease or resend that comes due; only when earlier, because setting it costs a row. */
  async #arm(nowMs: number): Promise<void> {
    const { holds, unconfirmed, expired } = this.#position
    let dueAtMs = Number.POSITIVE_INFINITY
    for (const hold of holds.values()) dueAtMs = Math.min(dueAtMs, hold.leaseExpiresAtMs)
    // The oldest event stands first; one that was never sent counts from now.
    for (const { sentAtMs } of unconfirmed.values()) {
      dueAtMs = Math.min(dueAtMs, Math.max(nowMs, (sentAtMs || nowMs) + resendAfterMs))
      break
    }
    if (expired.size > 0) dueAtMs = Math.min(dueAtMs, nowMs + expiredKeptMs)
    if (dueAtMs >= this.#alarmAtMs) return
    this.#alarmAtMs = dueAtMs
    await this.ctx.storage.setAlarm(dueAtMs)
  }
}

/** A negative hold or cost would be money made of nothing. */
function assertAmount(amountNanos: number): void {
  assert(checkedNanos(amountNanos) >= 0, 'a hold or cost below zero')
}
