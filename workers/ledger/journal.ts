import type { AccountSnapshot } from '#shared/contracts/account.ts'
import { durableAtOnceNanos, windowsWriteMs } from './limits.ts'
import type { Hold, Position, Unconfirmed } from './position.ts'
import { LedgerStore } from './store.ts'

/**
 * What the object must not forget, on its way to the disk. Decisions are taken in memory and told here; what was told within one flush interval
 * becomes one commit, and whoever needs certainty waits for it.
 */
export class Journal {
  readonly #state: DurableObjectState
  readonly #position: Position
  readonly #store: LedgerStore
  readonly #flushMs: number
  readonly #afterCommit: (wroteEvents: boolean) => Promise<void>
  readonly #changedHolds = new Set<string>()
  readonly #changedKeys = new Set<string>()
  #unwrittenEvents: string[] = []
  #windowsChanged = false
  #windowsWrittenAtMs = 0
  #comeBack: Promise<void> | null = null
  #flush: Promise<void> | null = null

  /** `afterCommit` runs after each commit, within the wait of those who wait for it. */
  constructor(state: DurableObjectState, position: Position, flushMs: number, afterCommit: (wroteEvents: boolean) => Promise<void>) {
    this.#state = state
    this.#position = position
    this.#flushMs = flushMs
    this.#afterCommit = afterCommit
    this.#store = new LedgerStore(state.storage.sql)
    this.#store.load(position)
  }

  /** A hold that is large, or takes an idempotency key, is written in this very turn, so that its admission is not answered before. */
  holdOpened(hold: Hold): void {
    if (hold.idempotency || hold.holdNanos >= durableAtOnceNanos) this.#store.writeHold(hold)
    else this.#changedHolds.add(hold.request.requestId)
    void this.durable()
  }

  holdChanged(requestId: string): void {
    this.#changedHolds.add(requestId)
    void this.durable()
  }

  holdEnded(requestId: string): void {
    this.#changedHolds.delete(requestId)
    this.#store.endHold(requestId)
    void this.durable()
  }

  eventSettled(eventId: string): void {
    this.#unwrittenEvents.push(eventId)
    void this.durable()
  }

  /** The request that took or frees this idempotency key has ended. */
  keyEnded(keyHash: string): void {
    this.#changedKeys.add(keyHash)
    void this.durable()
  }

  /** No truth about this orphan is awaited any more. */
  expiryForgotten(requestId: string): void {
    this.#store.forgetExpired(requestId)
    void this.durable()
  }

  /** Postgres has these events: their rows go in the commit that writes the balance with them in it, in this very turn. */
  eventsConfirmed(eventIds: string[]): void {
    this.#store.confirm(eventIds, this.#position)
  }

  /** The event that told of an expiry goes with its confirmation; the truth may still come. */
  expiryKept(requestId: string, expired: NonNullable<Unconfirmed['expired']>): void {
    this.#store.writeExpired(requestId, expired)
  }

  accountTaken(snapshot: AccountSnapshot, seenAtMs: number): void {
    this.#store.writeAccount(snapshot, seenAtMs)
  }

  windowsCounted(): void {
    this.#windowsChanged = true
    void this.durable()
  }

  /** The next commit. All who wait for it share it; when it fails the object starts anew from what is on disk, and its callers try again. */
  durable(): Promise<void> {
    this.#flush ??= (async () => {
      await scheduler.wait(this.#flushMs)
      this.#flush = null
      const wroteEvents = this.#unwrittenEvents.length > 0
      try {
        this.#write(Date.now())
        await this.#state.storage.sync()
      } catch (error) {
        this.#state.abort(`ledger could not write: ${String(error)}`)
        throw error
      }
      await this.#afterCommit(wroteEvents)
    })()
    return this.#flush
  }

  /** One turn, one commit: settled events and taken keys in the place of the holds they end, holds that live on, now and then the windows. */
  #write(nowMs: number): void {
    const { holds, unconfirmed } = this.#position
    this.#store.writeSettled(this.#unwrittenEvents.flatMap((eventId) => pairOf(eventId, unconfirmed.get(eventId))))
    this.#unwrittenEvents = []
    if (this.#changedKeys.size > 0) this.#writeKeys(nowMs)
    for (const requestId of this.#changedHolds) {
      const hold = holds.get(requestId)
      if (hold) this.#store.writeHold(hold)
    }
    this.#changedHolds.clear()
    this.#store.sweep()
    if (this.#windowsChanged) this.#writeWindows(nowMs)
  }

  #writeKeys(nowMs: number): void {
    const { idempotency } = this.#position
    for (const keyHash of idempotency.dropOld(nowMs)) this.#store.freeKey(keyHash)
    for (const keyHash of this.#changedKeys) {
      const use = idempotency.ended(keyHash)
      if (use) this.#store.writeKey(keyHash, use)
      else this.#store.endKey(keyHash)
    }
    this.#changedKeys.clear()
  }

  /** Writes the windows when they are due, and else comes back for them: nobody else may come before the object sleeps. */
  #writeWindows(nowMs: number): void {
    const dueInMs = this.#windowsWrittenAtMs + windowsWriteMs - nowMs
    if (dueInMs > 0) {
      this.#comeBack ??= scheduler.wait(dueInMs).then(() => {
        this.#comeBack = null
        return this.durable()
      })
      return
    }
    this.#store.writeWindows(this.#position, nowMs)
    this.#windowsWrittenAtMs = nowMs
    this.#windowsChanged = false
  }
}

function pairOf(eventId: string, entry: Unconfirmed | undefined): [string, Unconfirmed][] {
  return entry ? [[eventId, entry]] : []
}
