import type { AccountSnapshot } from '#shared/contracts/account.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'

/** A small seeded generator (mulberry32): the same seed plays the same run. */
export function randomOf(seed: number): {
  below(limit: number): number
  chance(share: number): boolean
  pick<One>(list: readonly One[]): One
} {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  const pick = <One>(list: readonly One[]): One => {
    const one = list[below(list.length)]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }
  return { below, chance: (share) => next() < share, pick }
}

/** Postgres as the ledger sees it: each event is posted once, each change raises the version, and a notice tells what was posted. */
export class PostgresModel {
  readonly posted = new Map<string, number>()
  creditedNanos: number
  account: AccountSnapshot

  constructor(account: AccountSnapshot) {
    this.account = account
    this.creditedNanos = account.balanceNanos
  }

  change(changes: Partial<AccountSnapshot>): void {
    this.account = { ...this.account, ...changes, version: this.account.version + 1 }
  }

  credit(amountNanos: number): void {
    this.creditedNanos += amountNanos
    this.change({ balanceNanos: this.account.balanceNanos + amountNanos })
  }

  post(events: UsageEvent[]): { eventIds: string[]; balanceNanos: number; version: number } {
    let sumNanos = 0
    for (const event of events) {
      if (this.posted.has(eventIdOf(event))) continue
      this.posted.set(eventIdOf(event), event.amountNanos)
      sumNanos += event.amountNanos
    }
    this.change({ balanceNanos: this.account.balanceNanos + sumNanos })
    return { eventIds: events.map(eventIdOf), balanceNanos: this.account.balanceNanos, version: this.account.version }
  }
}

interface Hold {
  holdNanos: number
  reportNanos: number | null
  leaseExpiresAtMs: number
}

/** The ledger again, one step at a time, with nothing of its memory, rows or flushes: what must be true whatever the machine did. */
export class LedgerModel {
  readonly holds = new Map<string, Hold>()
  /** What each ended request has been charged so far. */
  readonly charged = new Map<string, number>()
  /** Requests settled by expiry whose truth has not come. */
  readonly orphans = new Set<string>()
  /** What Postgres must have posted in the end: amounts by event id. */
  readonly events = new Map<string, number>()
  readonly #leaseMs: number

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  get heldNanos(): number {
    return [...this.holds.values()].reduce((sum, { holdNanos }) => sum + holdNanos, 0)
  }

  /** The sum of all movements. */
  get movedNanos(): number {
    return [...this.events.values()].reduce((sum, amountNanos) => sum + amountNanos, 0)
  }

  /** Debits among the events that `confirmed` does not name. Credits count only when they are posted. */
  unconfirmedNanos(confirmed: ReadonlySet<string>): number {
    let sum = 0
    for (const [eventId, amountNanos] of this.events) if (!confirmed.has(eventId)) sum += Math.min(0, amountNanos)
    return sum
  }

  /** The verdict on a new request, given what the object may know: a customer's floor and its number of leases. */
  admit(
    requestId: string,
    holdNanos: number,
    known: { availableNanos: number; overdraftNanos: number; concurrency: number },
    nowMs: number,
  ): string {
    if (this.charged.has(requestId)) return 'request_reused'
    const earlier = this.holds.get(requestId)
    if (earlier) return earlier.holdNanos === holdNanos ? 'admitted' : 'request_reused'
    if (this.holds.size >= known.concurrency) return 'concurrency'
    const afterwardsNanos = known.availableNanos - holdNanos
    if (afterwardsNanos < -known.overdraftNanos) {
      return afterwardsNanos + this.heldNanos >= -known.overdraftNanos ? 'in_flight_budget' : 'insufficient_balance'
    }
    this.holds.set(requestId, { holdNanos, reportNanos: null, leaseExpiresAtMs: nowMs + this.#leaseMs })
    return 'admitted'
  }

  renew(requestId: string, costNanos: number, nowMs: number): string {
    const hold = this.holds.get(requestId)
    if (!hold) return 'ended'
    hold.reportNanos = costNanos
    hold.leaseExpiresAtMs = nowMs + this.#leaseMs
    return 'renewed'
  }

  /** `meansNanos` is what the object may still promise: the late truth of an orphan is charged no further. */
  settle(requestId: string, costNanos: number, holdNanos: number, meansNanos: number): { outcome: string; costNanos: number } {
    const earlierNanos = this.charged.get(requestId)
    const isOrphan = this.orphans.delete(requestId)
    if (earlierNanos !== undefined && !isOrphan) return { outcome: 'already_settled', costNanos: earlierNanos }
    const mostNanos = earlierNanos === undefined ? holdNanos : Math.min(holdNanos, earlierNanos + Math.max(0, meansNanos))
    const cappedNanos = Math.min(costNanos, mostNanos)
    this.holds.delete(requestId)
    this.charged.set(requestId, cappedNanos)
    if (earlierNanos === undefined) this.events.set(`${requestId}:settlement`, 0 - cappedNanos)
    else this.events.set(`${requestId}:adjustment`, earlierNanos - cappedNanos)
    return { outcome: isOrphan ? 'adjusted' : 'settled', costNanos: cappedNanos }
  }

  release(requestId: string): void {
    this.holds.delete(requestId)
  }

  expire(nowMs: number): void {
    for (const [requestId, hold] of this.holds) {
      if (hold.leaseExpiresAtMs > nowMs) continue
      this.holds.delete(requestId)
      const costNanos = Math.min(hold.reportNanos ?? 0, hold.holdNanos)
      this.charged.set(requestId, costNanos)
      this.events.set(`${requestId}:settlement`, 0 - costNanos)
      this.orphans.add(requestId)
    }
  }
}
