/** What one scope, the customer or a key, has spent in the UTC day and month of its latest request. */
export interface Spending {
  day: number
  dayNanos: number
  month: number
  monthNanos: number
}

/** A debit, or a credit that corrects one, by the request's key and the moment of its admission: that decides the day and month it counts in. */
export interface Spend {
  keyId: string
  admittedAtMs: number
  nanos: number
}

const dayMs = 86_400_000
const wholeCustomer = 'customer'

/**
 * The spending of a customer and of each of its keys. Always counted, whether capped or not, so that a cap set at noon knows the morning. Only the
 * latest day and month of a scope are known; what belongs to an earlier one changes nothing.
 */
export class SpendingBook {
  readonly #scopes = new Map<string, Spending>()

  add({ keyId, admittedAtMs, nanos }: Spend): void {
    const day = dayOf(admittedAtMs)
    const month = monthOf(admittedAtMs)
    for (const scope of [wholeCustomer, keyId]) this.#merge(scope, { day, dayNanos: nanos, month, monthNanos: nanos })
  }

  /** Adds the sums of another book, as `entries` gave them. */
  addAll(entries: [scope: string, Spending][]): void {
    for (const [scope, spending] of entries) this.#merge(scope, spending)
  }

  /** What the customer (null) or a key has spent in the running day and month. */
  spent(keyId: string | null, nowMs: number): { dayNanos: number; monthNanos: number } {
    const spending = this.#scopes.get(keyId ?? wholeCustomer)
    return {
      dayNanos: spending?.day === dayOf(nowMs) ? spending.dayNanos : 0,
      monthNanos: spending?.month === monthOf(nowMs) ? spending.monthNanos : 0,
    }
  }

  /** All sums of the customer and of the keys that `isKept`; what others have spent stays in the customer's sum. */
  entries(isKept: (keyId: string) => boolean): [scope: string, Spending][] {
    return [...this.#scopes].filter(([scope]) => scope === wholeCustomer || isKept(scope))
  }

  #merge(scope: string, added: Spending): void {
    const known = this.#scopes.get(scope)
    if (!known) {
      this.#scopes.set(scope, { ...added })
      return
    }
    if (added.day >= known.day) {
      known.dayNanos = added.dayNanos + (added.day === known.day ? known.dayNanos : 0)
      known.day = added.day
    }
    if (added.month >= known.month) {
      known.monthNanos = added.monthNanos + (added.month === known.month ? known.monthNanos : 0)
      known.month = added.month
    }
  }
}

/** Milliseconds until the running UTC day or month ends. */
export function dayEndsInMs(nowMs: number): number {
  return dayMs - (nowMs % dayMs)
}

export function monthEndsInMs(nowMs: number): number {
  const now = new Date(nowMs)
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - nowMs
}

function dayOf(ms: number): number {
  return Math.floor(ms / dayMs)
}

function monthOf(ms: number): number {
  const date = new Date(ms)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}
