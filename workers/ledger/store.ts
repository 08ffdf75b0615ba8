import type { AccountSnapshot } from '#shared/contracts/account.ts'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { EndedUse } from './idempotency.ts'
import { factBytes, rowBytes } from './limits.ts'
import { type Expired, type Hold, type Position, spendOf, type Unconfirmed } from './position.ts'
import { type Spend, type Spending, SpendingBook } from './spending.ts'
import { unconfirmedOf } from './unconfirmed.ts'
import { type PackedWindow, packWindow, unpackWindow } from './windows.ts'

/**
 * The object's SQLite tables; STORAGE.md says why they look like this. The methods write without awaiting, so all that one turn of the object
 * writes is one commit. Slots are recycled by overwriting, because a deleted row costs as much as a written one.
 */
export class LedgerStore {
  readonly #sql: SqlStorage
  readonly #slotOfHold = new Map<string, number>()
  readonly #slotOfEvent = new Map<string, number>()
  readonly #settledRows = new Map<number, SettledRow>()
  readonly #slotOfExpired = new Map<string, number>()
  readonly #slotOfKey = new Map<string, number>()
  /** Slots whose row means nothing any more and may stay until it is overwritten. */
  readonly #free: number[] = []
  /** Slots whose row is a hold or an expiry that has ended: to be overwritten or deleted in the turn that ends it durably. */
  #ended: number[] = []
  #balanceSlot: number | null = null
  #balanceSequence = 0
  /** What the events of rows that are gone have spent: the newest balance row carries it, and settled rows add theirs. */
  readonly #spending = new SpendingBook()
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
      else for (const [scope, window] of fact as [string, PackedWindow][]) position.windows.set(scope, unpackWindow(window))
    }
    const rows = this.#sql.exec<{ slot: number; kind: RowKind; body: string }>('SELECT slot, kind, body FROM journal ORDER BY slot')
    const balances: [slot: number, BalanceFact][] = []
    const keys: KeyRow[] = []
    for (const { slot, kind, body } of rows) {
      this.#nextSlot = slot + 1
      if (kind === 'balance') balances.push([slot, JSON.parse(body)])
      else if (kind === 'idempotency') keys.push([slot, ...(JSON.parse(body) as KeyFact)])
      else this.#loadRow(position, slot, kind, JSON.parse(body))
    }
    this.#loadBalance(position, balances)
    this.#loadKeys(position, keys)
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
      this.#settledRows.set(slot, { left: chunk.length, spends: chunk.map(([, entry]) => spendOf(entry)) })
      this.#write(slot, 'settled', `[${chunk.map(([, entry]) => entry.json).join(',')}]`)
    }
  }

  /** Deletes the rows that ended and whose place nothing took. Only in the turn that writes what ended them, or a crash could lose both. */
  sweep(): void {
    for (const slot of this.#ended) this.#delete(slot)
    this.#ended = []
  }

  /** Frees the rows whose events are all confirmed, and writes the balance that includes them in the same turn. */
  confirm(eventIds: string[], position: Position): void {
    const emptied: number[] = []
    for (const eventId of eventIds) {
      const slot = this.#slotOfEvent.get(eventId)
      const row = slot === undefined ? undefined : this.#settledRows.get(slot)
      if (slot === undefined || !row) continue
      this.#slotOfEvent.delete(eventId)
      row.left -= 1
      if (row.left > 0) continue
      this.#settledRows.delete(slot)
      for (const spend of row.spends) this.#spending.add(spend)
      emptied.push(slot)
    }
    const target = emptied.pop() ?? this.#takeSlot()
    this.#balanceSequence += 1
    const balance: BalanceFact = {
      sequence: this.#balanceSequence,
      balanceNanos: position.balanceNanos,
      version: position.balanceVersion,
      spending: this.#spending.entries((keyId) => !position.account || position.key(keyId) !== undefined),
    }
    this.#write(target, 'balance', JSON.stringify(balance))
    if (this.#balanceSlot !== null) this.#free.push(this.#balanceSlot)
    this.#balanceSlot = target
    for (const slot of emptied) this.#delete(slot)
  }

  writeAccount(snapshot: AccountSnapshot, seenAtMs: number): void {
    this.#writeFact('account', { snapshot, seenAtMs } satisfies AccountFact)
  }

  /** Only what still counts: seconds of the running minute, requests of the running day. */
  writeWindows({ windows }: Position, nowMs: number): void {
    const packed = [...windows].map(([scope, window]) => [scope, packWindow(window, nowMs)] as const)
    this.#writeFact(
      'windows',
      packed.filter(([, window]) => window !== null),
    )
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

  /** An idempotency key is taken: its row takes the place of the hold that took it. */
  writeKey(keyHash: string, use: EndedUse): void {
    const slot = this.#slotOfKey.get(keyHash) ?? this.#ended.shift() ?? this.#takeSlot()
    this.#slotOfKey.set(keyHash, slot)
    this.#write(slot, 'idempotency', JSON.stringify([keyHash, use] satisfies KeyFact))
  }

  /** The key is free after all: its row goes in the turn that writes why. */
  endKey(keyHash: string): void {
    const slot = this.#takeKey(keyHash)
    if (slot !== undefined) this.#ended.push(slot)
  }

  /** The key is too old to matter: its row may stay until it is overwritten. */
  freeKey(keyHash: string): void {
    const slot = this.#takeKey(keyHash)
    if (slot !== undefined) this.#free.push(slot)
  }

  #takeKey(keyHash: string): number | undefined {
    const slot = this.#slotOfKey.get(keyHash)
    this.#slotOfKey.delete(keyHash)
    return slot
  }

  #loadRow(position: Position, slot: number, kind: 'hold' | 'settled' | 'expired', body: unknown): void {
    if (kind === 'hold') {
      const hold = body as Hold
      position.open(hold)
      this.#slotOfHold.set(hold.request.requestId, slot)
    } else if (kind === 'settled') {
      this.#loadSettled(position, slot, body as UsageEvent[])
    } else {
      const [requestId, expired] = body as [string, Expired]
      position.expired.set(requestId, expired)
      this.#slotOfExpired.set(requestId, slot)
    }
  }

  #loadSettled(position: Position, slot: number, events: UsageEvent[]): void {
    const row: SettledRow = { left: events.length, spends: [] }
    this.#settledRows.set(slot, row)
    for (const event of events) {
      const eventId = eventIdOf(event)
      const entry = { ...unconfirmedOf(event), isWritten: true }
      row.spends.push(spendOf(entry))
      this.#slotOfEvent.set(eventId, slot)
      position.addUnconfirmed(eventId, entry)
      if (entry.expired) position.expired.set(entry.requestId, entry.expired)
    }
  }

  /** The row written last holds; the others were waiting to be overwritten. */
  #loadBalance(position: Position, balances: [slot: number, BalanceFact][]): void {
    const [newest, ...stale] = balances.toSorted(([, one], [, other]) => other.sequence - one.sequence)
    for (const [slot] of stale) this.#free.push(slot)
    if (!newest) return
    const [slot, { sequence, balanceNanos, version, spending }] = newest
    this.#balanceSlot = slot
    this.#balanceSequence = sequence
    position.takeBalance(balanceNanos, version)
    for (const book of [this.#spending, position.spending]) book.addAll(spending)
  }

  /** The latest use of a key counts. What is too old is deleted, or a customer who uses keys no more would read it at every wake. */
  #loadKeys({ idempotency }: Position, rows: KeyRow[]): void {
    for (const [slot, keyHash, use] of rows.toSorted(([, , one], [, , other]) => one.endedAtMs - other.endedAtMs)) {
      this.freeKey(keyHash)
      this.#slotOfKey.set(keyHash, slot)
      idempotency.keep(keyHash, use)
    }
    for (const keyHash of idempotency.dropOld(Date.now())) this.endKey(keyHash)
    this.sweep()
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

  /** A fact too large to be kept is forgotten instead: the next life asks for it anew. */
  #writeFact(name: string, body: unknown): void {
    const json = JSON.stringify(body)
    const bytes = new TextEncoder().encode(json).length
    if (bytes <= factBytes) this.#sql.exec('INSERT OR REPLACE INTO facts (name, body) VALUES (?, ?)', name, json)
    else {
      this.#sql.exec('DELETE FROM facts WHERE name = ?', name)
      logFailure('ledger_fact_too_large', new Error(`${name} has ${bytes} bytes`))
    }
  }
}

type RowKind = 'hold' | 'settled' | 'balance' | 'expired' | 'idempotency'

type KeyFact = [keyHash: string, use: EndedUse]
type KeyRow = [slot: number, ...KeyFact]

interface BalanceFact {
  /** Rises with each such row. */
  sequence: number
  balanceNanos: number
  version: number
  spending: [scope: string, Spending][]
}

/** A row of settled events: how many Postgres has not confirmed, and what all of them have spent. */
interface SettledRow {
  left: number
  spends: Spend[]
}

interface AccountFact {
  snapshot: AccountSnapshot
  seenAtMs: number
}

function restoreAccount(position: Position, fact: AccountFact): void {
  position.takeSnapshot(fact.snapshot, fact.seenAtMs)
}

/** Groups events so that each group fits one row. */
function pack(entries: [string, Unconfirmed][]): [string, Unconfirmed][][] {
  const groups: [string, Unconfirmed][][] = []
  let length = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    length += entry[1].json.length + 1
    if (length > rowBytes) {
      groups.push([])
      length = entry[1].json.length + 1
    }
    groups.at(-1)?.push(entry)
  }
  return groups
}
