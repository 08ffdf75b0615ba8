import { resendAfterMs } from './limits.ts'
import type { Position, Unconfirmed } from './position.ts'
import { pack } from './store.ts'

/**
 * Hands settled events to the queue: at least once, packed into messages. An event stays in the position until Postgres confirms it, so a lost
 * message is only a late one.
 */
export class Outbox {
  readonly #queue: Queue<string>
  readonly #position: Position

  constructor(queue: Queue<string>, position: Position) {
    this.#queue = queue
    this.#position = position
  }

  /** Sends what was never sent, or not confirmed for too long. Throws when the queue refuses; what it did not take stays due. */
  async dispatch(organizationId: string, nowMs: number): Promise<void> {
    for (const group of pack(this.#due(nowMs))) {
      for (const [, entry] of group) entry.sentAtMs = nowMs
      const message = `{"organizationId":${JSON.stringify(organizationId)},"events":[${group.map(([, entry]) => entry.json).join(',')}]}`
      try {
        await this.#queue.send(message, { contentType: 'text' })
      } catch (error) {
        for (const [, entry] of group) entry.sentAtMs = 0
        throw error
      }
    }
  }

  #due(nowMs: number): [string, Unconfirmed][] {
    return [...this.#position.unconfirmed].filter(
      ([, entry]) => entry.isWritten && (entry.sentAtMs === 0 || nowMs - entry.sentAtMs >= resendAfterMs),
    )
  }
}
