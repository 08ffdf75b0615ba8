import type { Settings } from './env.ts'
import { expiredKeptMs } from './limits.ts'
import type { Position } from './position.ts'

/** The object's one alarm, multiplexed: it rings for the first lease that ends, event to send again, or orphan to forget. */
export class Deadlines {
  readonly #storage: DurableObjectStorage
  readonly #position: Position
  readonly #resendAfterMs: number
  #alarmAtMs = Number.POSITIVE_INFINITY

  constructor(storage: DurableObjectStorage, position: Position, { resendAfterMs }: Settings) {
    this.#storage = storage
    this.#position = position
    this.#resendAfterMs = resendAfterMs
  }

  /** The alarm has rung: nothing is set any more. */
  rang(): void {
    this.#alarmAtMs = Number.POSITIVE_INFINITY
  }

  /** Sets the alarm for what comes due first; only when that is earlier, because setting it costs a row. */
  async arm(nowMs: number): Promise<void> {
    const dueAtMs = this.#firstDueAtMs(nowMs)
    if (dueAtMs >= this.#alarmAtMs) return
    this.#alarmAtMs = dueAtMs
    await this.#storage.setAlarm(dueAtMs)
  }

  #firstDueAtMs(nowMs: number): number {
    const { holds, unconfirmed, expired } = this.#position
    let dueAtMs = Number.POSITIVE_INFINITY
    for (const hold of holds.values()) dueAtMs = Math.min(dueAtMs, hold.leaseExpiresAtMs)
    // The oldest event stands first; one that was never sent counts from now.
    const [oldest] = unconfirmed.values()
    if (oldest) dueAtMs = Math.min(dueAtMs, Math.max(nowMs, (oldest.sentAtMs || nowMs) + this.#resendAfterMs))
    if (expired.size > 0) dueAtMs = Math.min(dueAtMs, nowMs + expiredKeptMs)
    return dueAtMs
  }
}
