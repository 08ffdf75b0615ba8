import { packUsageMessage } from '#shared/contracts/usage-message.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Settings } from './env.ts'
import { dispatchDelayMs, messageBytes, messageEvents } from './limits.ts'
import type { Position, Unconfirmed } from './position.ts'

/**
 * Hands settled events to the queue: at least once, packed into messages. An event stays in the position until Postgres confirms it, so a lost
 * message is only a late one.
 */
export class Outbox {
  readonly #queue: Queue<Uint8Array>
  readonly #position: Position
  readonly #resendAfterMs: number
  #dispatch: Promise<void> | null = null

  constructor(position: Position, { usageQueue, resendAfterMs }: Pick<Settings, 'usageQueue' | 'resendAfterMs'>) {
    this.#queue = usageQueue
    this.#position = position
    this.#resendAfterMs = resendAfterMs
  }

  /** Dispatches a moment from now, so that what settles until then goes along. A failure leaves everything due for the alarm. */
  dispatchSoon(organizationId: string): void {
    this.#dispatch ??= (async () => {
      await scheduler.wait(dispatchDelayMs)
      this.#dispatch = null
      await this.dispatch(organizationId, Date.now())
    })().catch((error: unknown) => logFailure('usage_dispatch_failed', error))
  }

  /** Sends what was never sent, or not confirmed for too long. Throws when the queue refuses; what it did not take stays due. */
  async dispatch(organizationId: string, nowMs: number): Promise<void> {
    const due = this.#due(nowMs)
    for (let index = 0; index < due.length; index += messageEvents)
      await this.#send(organizationId, due.slice(index, index + messageEvents), nowMs)
  }

  async #send(organizationId: string, entries: Unconfirmed[], nowMs: number): Promise<void> {
    for (const entry of entries) entry.sentAtMs = nowMs
    try {
      const message = await packUsageMessage(
        organizationId,
        entries.map(({ json }) => json),
      )
      if (message.length <= messageBytes || entries.length === 1) await this.#queue.send(message, { contentType: 'bytes' })
      else for (const half of halves(entries)) await this.#send(organizationId, half, nowMs)
    } catch (error) {
      for (const entry of entries) entry.sentAtMs = 0
      throw error
    }
  }

  #due(nowMs: number): Unconfirmed[] {
    return [...this.#position.unconfirmed.values()].filter(
      (entry) => entry.isWritten && (entry.sentAtMs === 0 || nowMs - entry.sentAtMs >= this.#resendAfterMs),
    )
  }
}

function halves<Item>(items: Item[]): [Item[], Item[]] {
  const middle = items.length >> 1
  return [items.slice(0, middle), items.slice(middle)]
}
