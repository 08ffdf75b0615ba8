import type { AccountSnapshot, Limits } from '#shared/contracts/account.ts'
import type { Idempotency } from '#shared/contracts/ledger.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'

const dayMs = 86_400_000

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
  debitedNanos = 0
  account: AccountSnapshot

  constructor(account: AccountSnapshot) {
    this.account = account
    this.creditedNanos = account.balanceNanos
  }

  change(changes: Partial<AccountSnapshot>): void {
    this.account = { ...this.account, ...changes, version: this.account.version + 1 }
  }

  /** A credit, or with a negative amount a debit by hand, which no floor stops. */
  credit(amountNanos: number): void {
    this.creditedNanos += amountNanos
    this.debitedNanos -= Math.min(0, amountNanos)
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

interface Asking {
  keyId: string
  holdNanos: number
  idempotency: Idempotency | undefined
  /** Own provider credentials serve it: no budget stands in its way. */
  isByok: boolean
}

/** What is known of a request from its first admission on. */
interface Asked extends Asking {
  admittedAtMs: number
}

interface Hold {
  reportNanos: number | null
  leaseExpiresAtMs: number
}

/** What the object may know when it decides: what is available by its books, and the account it was told of. */
export interface Known {
  availableNanos: number
  account: AccountSnapshot
}

/** The ledger again, one step at a time, with nothing of its memory, rows or flushes: what must be true whatever the machine did. */
export class LedgerModel {
  readonly asked = new Map<string, Asked>()
  readonly holds = new Map<string, Hold>()
  /** What each ended request has been charged so far. */
  readonly charged = new Map<string, number>()
  /** Which request has taken an idempotency key, and when it ended. */
  readonly #taken = new Map<string, { requestId: string; atMs: number }>()
  /** Requests settled by expiry whose truth has not come, and when they were. */
  readonly orphans = new Map<string, number>()
  /** What Postgres must have posted in the end: amounts by event id. */
  readonly events = new Map<string, number>()
  /** Admissions by scope, of the customer (null) or a key, while it had a rate limit: what nothing limits is not counted. */
  readonly #counted: { scope: string | null; atMs: number }[] = []
  readonly #leaseMs: number

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs
  }

  get heldNanos(): number {
    return this.heldBy(null)
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

  /** What the requests of a key, or of all, have been charged that were admitted since a moment. */
  spentSince(keyId: string | null, sinceMs: number): number {
    let sum = 0
    for (const [requestId, costNanos] of this.charged) {
      const asked = this.asked.get(requestId)
      if (asked && asked.admittedAtMs >= sinceMs && (keyId === null || asked.keyId === keyId)) sum += costNanos
    }
    return sum
  }

  heldBy(keyId: string | null): number {
    let sum = 0
    for (const requestId of this.holds.keys()) {
      const asked = this.asked.get(requestId)
      if (asked && (keyId === null || asked.keyId === keyId)) sum += asked.holdNanos
    }
    return sum
  }

  /** The verdict on a request. */
  admit(requestId: string, asking: Asking, known: Known, nowMs: number): string {
    const { keyId, holdNanos, idempotency, isByok } = asking
    if (this.charged.has(requestId)) return 'request_reused'
    if (this.holds.has(requestId)) return this.asked.get(requestId)?.holdNanos === holdNanos ? 'admitted' : 'request_reused'
    const refusal =
      this.#takenKey(idempotency, nowMs) ??
      this.#brokenRate(keyId, known, nowMs) ??
      (isByok ? null : this.#brokenBudget(keyId, holdNanos, known, nowMs))
    if (refusal) return refusal
    this.asked.set(requestId, { ...asking, admittedAtMs: nowMs })
    for (const scope of [null, keyId]) {
      const { requestsPerMinute, requestsPerDay } = limitsOf(known.account, scope)
      if (requestsPerMinute !== undefined || requestsPerDay !== undefined) this.#counted.push({ scope, atMs: nowMs })
    }
    this.holds.set(requestId, { reportNanos: null, leaseExpiresAtMs: nowMs + this.#leaseMs })
    return 'admitted'
  }

  #takenKey(idempotency: Idempotency | undefined, nowMs: number): string | null {
    const running = [...this.holds.keys()].find((id) => idempotency && this.asked.get(id)?.idempotency?.keyHash === idempotency.keyHash)
    const ended = this.#taken.get(idempotency?.keyHash ?? '')
    const takenBy = running ?? (ended && nowMs - ended.atMs < dayMs ? ended.requestId : undefined)
    if (!idempotency || takenBy === undefined) return null
    if (this.asked.get(takenBy)?.idempotency?.bodyHash !== idempotency.bodyHash) return 'idempotency_key_reused'
    return running ? 'idempotency_running' : 'idempotency_ended'
  }

  /** What is charged takes its key; what costs nothing leaves it free, because a request with a key that costs nothing has failed in these runs. */
  #charge(requestId: string, costNanos: number, nowMs: number): void {
    this.charged.set(requestId, costNanos)
    const keyHash = this.asked.get(requestId)?.idempotency?.keyHash
    if (keyHash === undefined) return
    if (costNanos > 0) this.#taken.set(keyHash, { requestId, atMs: nowMs })
    else if (this.#taken.get(keyHash)?.requestId === requestId) this.#taken.delete(keyHash)
  }

  #brokenRate(keyId: string, { account }: Known, nowMs: number): string | null {
    for (const scope of [null, keyId]) {
      const { requestsPerMinute, requestsPerDay } = limitsOf(account, scope)
      const counted = this.#counted.filter((each) => each.scope === scope)
      const ofDay = counted.filter(({ atMs }) => atMs >= dayOf(nowMs)).length
      if (ofDay >= (requestsPerDay ?? Number.POSITIVE_INFINITY)) return 'requests_per_day'
      // A second counts until its last moment is a minute old.
      const ofMinute = counted.filter(({ atMs }) => (Math.floor(atMs / 1_000) + 61) * 1_000 > nowMs).length
      if (ofMinute >= (requestsPerMinute ?? Number.POSITIVE_INFINITY)) return 'requests_per_minute'
    }
    for (const scope of [null, keyId]) {
      const leases = [...this.holds.keys()].filter((id) => scope === null || this.asked.get(id)?.keyId === scope).length
      if (leases >= (limitsOf(account, scope).concurrency ?? Number.POSITIVE_INFINITY)) return 'concurrency'
    }
    return null
  }

  #brokenBudget(keyId: string, holdNanos: number, { availableNanos, account }: Known, nowMs: number): string | null {
    const budgets: [reason: string, leftNanos: number, heldNanos: number][] = [
      ['insufficient_balance', availableNanos + account.overdraftNanos + this.heldNanos, this.heldNanos],
    ]
    for (const scope of [null, keyId]) {
      const { spendPerDayNanos, spendPerMonthNanos } = limitsOf(account, scope)
      const left = (cap: number | undefined, sinceMs: number) => (cap ?? Number.POSITIVE_INFINITY) - this.spentSince(scope, sinceMs)
      budgets.push(['spend_per_day', left(spendPerDayNanos, dayOf(nowMs)), this.heldBy(scope)])
      budgets.push(['spend_per_month', left(spendPerMonthNanos, monthOf(nowMs)), this.heldBy(scope)])
    }
    const short = budgets.filter(([, leftNanos, heldNanos]) => leftNanos - heldNanos < holdNanos)
    const used = short.find(([, leftNanos]) => leftNanos < holdNanos)
    if (used) return used[0]
    return short.length > 0 ? 'in_flight_budget' : null
  }

  renew(requestId: string, costNanos: number, nowMs: number): string {
    const hold = this.holds.get(requestId)
    if (!hold) return 'ended'
    hold.reportNanos = costNanos
    hold.leaseExpiresAtMs = nowMs + this.#leaseMs
    return 'renewed'
  }

  /** `meansNanos` is what the object may still promise: the late truth of an orphan is charged no further. */
  settle(requestId: string, costNanos: number, meansNanos: number, nowMs: number): { outcome: string; costNanos: number } {
    const holdNanos = this.holdOf(requestId)
    const earlierNanos = this.charged.get(requestId)
    const isOrphan = this.orphans.delete(requestId)
    if (earlierNanos !== undefined && !isOrphan) return { outcome: 'already_settled', costNanos: earlierNanos }
    const mostNanos = earlierNanos === undefined ? holdNanos : Math.min(holdNanos, earlierNanos + Math.max(0, meansNanos))
    const cappedNanos = Math.min(costNanos, mostNanos)
    this.holds.delete(requestId)
    this.#charge(requestId, cappedNanos, nowMs)
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
      const costNanos = Math.min(hold.reportNanos ?? 0, this.holdOf(requestId))
      this.#charge(requestId, costNanos, nowMs)
      this.events.set(`${requestId}:settlement`, 0 - costNanos)
      this.orphans.set(requestId, nowMs)
    }
  }

  /** Gives up waiting for truths; answers the requests that none is awaited of any more. */
  forget(beforeMs: number): string[] {
    const given = [...this.orphans].filter(([, expiredAtMs]) => expiredAtMs <= beforeMs).map(([requestId]) => requestId)
    for (const requestId of given) this.orphans.delete(requestId)
    return given
  }

  holdOf(requestId: string): number {
    return this.asked.get(requestId)?.holdNanos ?? 0
  }
}

/** The limits of the customer (null) or of one of its keys. */
export function limitsOf(account: AccountSnapshot, keyId: string | null): Limits {
  return keyId === null ? account.limits : (account.keys.find((key) => key.keyId === keyId)?.limits ?? {})
}

/** When the UTC day or month of a moment began. */
export function dayOf(ms: number): number {
  return new Date(ms).setUTCHours(0, 0, 0, 0)
}

export function monthOf(ms: number): number {
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}
