import type { AccountSnapshot } from '#shared/contracts/account.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { messageBytes } from './limits.ts'
import type { Expired, Hold, Position, Unconfirmed } from './position.ts'
import type { Window } from './windows.ts'

/**
 * The object's SQLite tables; STORAGE.md says why they look like this. The methods write without awaiting, so all that one turn of the object
 * writes is one commit. Slots are recycled by overwriting, because a deleted row costs as much as a written one.
 */
export class LedgerStore {
  readonly #sql: SqlStorage
  readonly #slotOfHold = new Map<string, number>()
  readonly #slotOfEvent = new Map<string, number>()
  readonly #eventsLeft = new Map<number, number>()
  readonly #slotOfExpired = new Map<string, number>()
  /** Slots whose row means nothing any more and may stay until it is overwritten. */
  readonly #free: number[] = []
  /** Slots whose row is a hold or an expiry that has ended: to be overwritten or deleted in the turn that ends it durably. */
  #ended: number[] = []
  #balanceSlot: number | null = null
  #nextSlot = 1

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec('CREATE TABLE IF NOT EXISTS journal (slot INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)')
    sql.exec('CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID')
  }

  /** Fills an empty position with what earlier lives of the object wrote. */
  load(position: Position): void {
    for (const { name, body } of this.#sql.exec<{ name: string; body: string }>('SELECT name, body FROM facts')) {
      const fact: unknown = JSON.parse(body)
      if (name === 'account') restoreAccount(position, fact as AccountFact)
      else for (const [scope, window] of fact as [string, Window][]) position.windows.set(scope, window)
    }
    const rows = this.#sql.exec<{ slot: number; kind: RowKind; body: string }>('SELECT slot, kind, body FROM journal ORDER BY slot')
    for (const { slot, kind, body } of rows) {
      this.#nextSlot = slot + 1
      this.#loadRow(position, slot, kind, JSON.parse(body))
    }
    // Rows stand in the order of their slots, not of their events: the truth about a request is its adjustment, wherever its row stands.
    for (const entry of position.unconfirmed.values()) {
      if (!entry.adjusts) continue
      position.expired.delete(entry.requestId)
      position.settled.set(entry.requestId, entry.costNanos)
    }
  }

  writeHold(hold: Hold): void {
    const { requestId } = hold.request
    const slot = this.#slotOfHold.get(requestId) ?? this.#takeSlot()
    this.#slotOfHold.set(requestId, slot)
    this.#write(slot, 'hold', JSON.stringify(hold))
  }

  /** Marks the row of a hold that has ended; `writeSettled` or `sweep` of the same turn removes it. */
  endHold(requestId: string): void {
    const slot = this.#slotOfHold.get(requestId)
    if (slot === undefined) return
    this.#slotOfHold.delete(requestId)
    this.#ended.push(slot)
  }

  /** Writes settled events, packed; the rows take the place of holds they end. */
  writeSettled(entries: [eventId: string, entry: Unconfirmed][]): void {
    for (const chunk of pack(entries)) {
      const slot = this.#ended.shift() ?? this.#takeSlot()
      for (const [eventId, entry] of chunk) {
        this.#slotOfEvent.set(eventId, slot)
        entry.isWritten = true
      }
      this.#eventsLeft.set(slot, chunk.length)
      this.#write(slot, 'settled', `[${chunk.map(([, entry]) => entry.json).join(',')}]`)
    }
  }

  /** Deletes the rows that ended and whose place nothing took. Only in the turn that writes what ended them, or a crash could lose both. */
  sweep(): void {
    for (const slot of this.#ended) this.#delete(slot)
    this.#ended = []
  }

  /** Frees the rows whose events are all confirmed, and writes the balance that includes them in the same turn. */
  confirm(eventIds: string[], balance: BalanceFact): void {
    const emptied: number[] = []
    for (const eventId of eventIds) {
      const slot = this.#slotOfEvent.get(eventId)
      if (slot === undefined) continue
      this.#slotOfEvent.delete(eventId)
      const left = (this.#eventsLeft.get(slot) ?? 1) - 1
      if (left > 0) this.#eventsLeft.set(slot, left)
      else {
        this.#eventsLeft.delete(slot)
        emptied.push(slot)
      }
    }
    const target = emptied.pop() ?? this.#takeSlot()
    this.#write(target, 'balance', JSON.stringify(balance))
    if (this.#balanceSlot !== null) this.#free.push(this.#balanceSlot)
    this.#balanceSlot = target
    for (const slot of emptied) this.#delete(slot)
  }

  writeAccount(snapshot: AccountSnapshot, seenAtMs: number): void {
    this.#writeFact('account', { snapshot, seenAtMs } satisfies AccountFact)
  }

  writeWindows(windows: ReadonlyMap<string, Window>): void {
    this.#writeFact('windows', [...windows])
  }

  writeExpired(requestId: string, expired: Expired): void {
    const slot = this.#slotOfExpired.get(requestId) ?? this.#takeSlot()
    this.#slotOfExpired.set(requestId, slot)
    this.#write(slot, 'expired', JSON.stringify([requestId, expired]))
  }

  /** Marks the row of an expiry whose truth has arrived or is awaited no more; it goes in the turn that writes the truth. */
  forgetExpired(requestId: string): void {
    const slot = this.#slotOfExpired.get(requestId)
    if (slot === undefined) return
    this.#slotOfExpired.delete(requestId)
    this.#ended.push(slot)
  }

  #loadRow(position: Position, slot: number, kind: RowKind, body: unknown): void {
    if (kind === 'hold') {
      const hold = body as Hold
      position.open(hold)
      this.#slotOfHold.set(hold.request.requestId, slot)
    } else if (kind === 'settled') {
      this.#loadSettled(position, slot, body as UsageEvent[])
    } else if (kind === 'expired') {
      const [requestId, expired] = body as [string, Expired]
      position.expired.set(requestId, expired)
      this.#slotOfExpired.set(requestId, slot)
    } else this.#loadBalance(position, slot, body as BalanceFact)
  }

  #loadSettled(position: Position, slot: number, events: UsageEvent[]): void {
    this.#eventsLeft.set(slot, events.length)
    for (const event of events) {
      const eventId = eventIdOf(event)
      const entry = { ...unconfirmedOf(event), isWritten: true }
      this.#slotOfEvent.set(eventId, slot)
      position.addUnconfirmed(eventId, entry)
      if (entry.expired) position.expired.set(entry.requestId, entry.expired)
    }
  }

  #loadBalance(position: Position, slot: number, balance: BalanceFact): void {
    const isNewer = balance.version >= position.balanceVersion || this.#balanceSlot === null
    position.takeBalance(balance.balanceNanos, balance.version)
    if (!isNewer) this.#free.push(slot)
    else {
      if (this.#balanceSlot !== null) this.#free.push(this.#balanceSlot)
      this.#balanceSlot = slot
    }
  }

  #takeSlot(): number {
    return this.#free.pop() ?? this.#nextSlot++
  }

  #delete(slot: number): void {
    this.#sql.exec('DELETE FROM journal WHERE slot = ?', slot)
    this.#free.push(slot)
  }

  #write(slot: number, kind: RowKind, body: string): void {
    this.#sql.exec('INSERT OR REPLACE INTO journal (slot, kind, body) VALUES (?, ?, ?)', slot, kind, body)
  }

  #writeFact(name: string, body: unknown): void {
    this.#sql.exec('INSERT OR REPLACE INTO facts (name, body) VALUES (?, ?)', name, JSON.stringify(body))
  }
}

type RowKind = 'hold' | 'settled' | 'balance' | 'expired'

interface BalanceFact {
  balanceNanos: number
  version: number
}

interface AccountFact {
  snapshot: AccountSnapshot
  seenAtMs: number
}

function restoreAccount(position: Position, fact: AccountFact): void {
  position.takeSnapshot(fact.snapshot, fact.seenAtMs)
}

/** What the position keeps of an event until Postgres confirms it. */
export function unconfirmedOf(event: UsageEvent): Unconfirmed {
  return {
    requestId: event.request.requestId,
    amountNanos: event.amountNanos,
    settledAtMs: event.settledAtMs,
    costNanos: event.settlement.costNanos,
    json: asciiJson(event),
    expired:
      event.kind === 'settlement' && event.settlement.end === 'expired'
        ? { costNanos: event.settlement.costNanos, expiredAtMs: event.settledAtMs }
        : null,
    adjusts: event.kind === 'adjustment',
    isWritten: false,
    sentAtMs: 0,
  }
}

/** JSON in ASCII, so that its length is its size in bytes: a client may name itself in any script. */
function asciiJson(event: UsageEvent): string {
  return JSON.stringify(event).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Groups events so that each group fits one queue message. */
export function pack(entries: [string, Unconfirmed][]): [string, Unconfirmed][][] {
  const groups: [string, Unconfirmed][][] = []
  let group: [string, Unconfirmed][] = []
  let length = 0
  for (const entry of entries) {
    if (group.length > 0 && length + entry[1].json.length > messageBytes) {
      groups.push(group)
      group = []
      length = 0
    }
    group.push(entry)
    length += entry[1].json.length + 1
  }
  if (group.length > 0) groups.push(group)
  return groups
}
