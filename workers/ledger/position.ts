import type { AccountSnapshot, KeyFacts, Limits } from '#shared/contracts/account.ts'
import type { HoldReference } from '#shared/contracts/ledger.ts'
import { eventIdOf, type Settlement } from '#shared/contracts/usage-event.ts'
import { IdempotencyBook } from './idempotency.ts'
import { settledKept } from './limits.ts'
import { type Spend, SpendingBook } from './spending.ts'
import { emptyWindow, isCounted, type Window } from './windows.ts'

/** Money and limits reserved for a request that has not ended. A lease: who does not renew it loses it. */
export interface Hold extends HoldReference {
  /** When it was counted in the rate windows; null when it was opened again after an eviction that lost it. */
  countedAtMs: number | null
  leaseExpiresAtMs: number
  /** What the request would cost if its Worker were never heard of again. */
  report: Settlement | null
}

/** A settled event that Postgres has not confirmed yet. */
export interface Unconfirmed {
  requestId: string
  keyId: string
  admittedAtMs: number
  amountNanos: number
  settledAtMs: number
  /** What the request has cost by this event. */
  costNanos: number
  /** The event as it goes to the queue. */
  json: string
  /** Set when the event settles an orphan: what it charged, should the truth arrive after the confirmation. */
  expired: Expired | null
  /** The event is the truth about an expired request: it waits for none. */
  adjusts: boolean
  /** Only what is written may leave: an event that Postgres knows and a restarted object does not could be charged differently. */
  isWritten: boolean
  /** When it was last handed to the queue; 0 when never. */
  sentAtMs: number
}

/** A request settled by its lease's expiry, whose truth may still arrive. */
export interface Expired {
  costNanos: number
  expiredAtMs: number
}

/**
 * All that the object knows, in memory. The sums are kept beside the maps so that a decision costs the same for one hold and for ten thousand;
 * only the methods here change either.
 */
export class Position {
  account: AccountSnapshot | null = null
  /** When `account` was last known to be current. */
  accountSeenAtMs = 0
  /** When a request was last asked to have a stale account read again. */
  refreshAskedAtMs = 0
  balanceNanos = 0
  balanceVersion = -1
  heldNanos = 0
  unconfirmedNanos = 0
  readonly holds = new Map<string, Hold>()
  readonly unconfirmed = new Map<string, Unconfirmed>()
  readonly expired = new Map<string, Expired>()
  readonly windows = new Map<string, Window>()
  readonly spending = new SpendingBook()
  readonly idempotency = new IdempotencyBook()
  /** What settled requests were charged, oldest first: the answer to a repeated settle. */
  readonly settled = new Map<string, number>()
  readonly #keys = new Map<string, KeyFacts>()
  readonly #heldOfKey = new Map<string, { leases: number; nanos: number }>()

  /** What may still be promised: the posted balance less what is spent but not posted, less what is held. */
  get availableNanos(): number {
    return this.balanceNanos + this.unconfirmedNanos - this.heldNanos
  }

  key(keyId: string): KeyFacts | undefined {
    return this.#keys.get(keyId)
  }

  /** The live leases of a key, and what they hold. */
  held(keyId: string): { leases: number; nanos: number } {
    return this.#heldOfKey.get(keyId) ?? { leases: 0, nanos: 0 }
  }

  /**
   * Takes a newer account, and a newer balance, each by its own version: a confirmation may have brought a newer balance than the account
   * that was read before it, and that account still carries limits and keys not seen yet. Returns whether anything changed.
   */
  takeSnapshot(snapshot: AccountSnapshot, nowMs: number): boolean {
    const known = this.account?.version ?? -1
    if (snapshot.version < known) return false
    this.accountSeenAtMs = nowMs
    this.takeBalance(snapshot.balanceNanos, snapshot.version)
    if (snapshot.version === known) return false
    this.account = snapshot
    this.#keys.clear()
    for (const key of snapshot.keys) this.#keys.set(key.keyId, key)
    return true
  }

  takeBalance(balanceNanos: number, version: number): void {
    if (version <= this.balanceVersion) return
    this.balanceNanos = balanceNanos
    this.balanceVersion = version
  }

  open(hold: Hold): void {
    const { requestId } = hold.request
    this.holds.set(requestId, hold)
    if (hold.idempotency) this.idempotency.begin(hold.idempotency, requestId)
    this.#holdMore(hold.request.keyId, 1, hold.holdNanos)
  }

  /** Ends a hold and frees what it held; null when there is none. */
  close(requestId: string): Hold | null {
    const hold = this.holds.get(requestId)
    if (!hold) return null
    this.holds.delete(requestId)
    if (hold.idempotency) this.idempotency.leave(hold.idempotency, requestId)
    this.#holdMore(hold.request.keyId, -1, -hold.holdNanos)
    return hold
  }

  #holdMore(keyId: string, leases: number, nanos: number): void {
    this.heldNanos += nanos
    const before = this.held(keyId)
    if (before.leases + leases === 0) this.#heldOfKey.delete(keyId)
    else this.#heldOfKey.set(keyId, { leases: before.leases + leases, nanos: before.nanos + nanos })
  }

  /** Whether a request was settled, by its Worker or by its lease's expiry, as far as is remembered. */
  hasEnded(requestId: string): boolean {
    return this.settled.has(requestId) || this.expired.has(requestId)
  }

  /** Counts a settled event until Postgres confirms it; false when it is counted already. */
  addUnconfirmed(eventId: string, entry: Unconfirmed): boolean {
    if (this.unconfirmed.has(eventId)) return false
    this.unconfirmed.set(eventId, entry)
    this.unconfirmedNanos += debitOf(entry)
    this.spending.add(spendOf(entry))
    this.settled.set(entry.requestId, entry.costNanos)
    if (this.settled.size > settledKept) {
      const [oldest] = this.settled.keys()
      if (oldest !== undefined) this.settled.delete(oldest)
    }
    return true
  }

  confirm(eventId: string): Unconfirmed | null {
    const entry = this.unconfirmed.get(eventId)
    if (!entry) return null
    this.unconfirmed.delete(eventId)
    this.unconfirmedNanos -= debitOf(entry)
    return entry
  }

  /** The event that tells most about a request, as long as Postgres has not confirmed it: the truth about an orphan before its estimate. */
  unconfirmedOf(requestId: string): Unconfirmed | undefined {
    const request = { requestId }
    return (
      this.unconfirmed.get(eventIdOf({ kind: 'adjustment', request })) ?? this.unconfirmed.get(eventIdOf({ kind: 'settlement', request }))
    )
  }

  /** The limits that count for a key's request, each with its window: the customer's, then the key's own. Unlimited ones are left out. */
  countedWindows(account: AccountSnapshot, key: KeyFacts): { limits: Limits; window: Window }[] {
    const scopes: [string, Limits][] = [
      [account.organizationId, account.limits],
      [key.keyId, key.limits],
    ]
    return scopes.filter(([, limits]) => isCounted(limits)).map(([scope, limits]) => ({ limits, window: this.#window(scope) }))
  }

  #window(scope: string): Window {
    const known = this.windows.get(scope)
    if (known) return known
    const fresh = emptyWindow()
    this.windows.set(scope, fresh)
    return fresh
  }
}

/** What an event adds to the spending of its customer and key: an adjustment downwards takes away. */
export function spendOf({ keyId, admittedAtMs, amountNanos }: Unconfirmed): Spend {
  return { keyId, admittedAtMs, nanos: 0 - amountNanos }
}

/** A debit counts from its settlement on; a credit only once it is posted, because a balance read since then may hold it already. */
function debitOf(entry: Unconfirmed): number {
  return Math.min(0, entry.amountNanos)
}
