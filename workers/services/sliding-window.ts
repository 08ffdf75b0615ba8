import { ExpiringCache } from './expiring-cache.ts'

/**
 * Counts by name, in this isolate, what happens within a window that slides: the window before the running one counts by the share of it that is not
 * over yet. Two numbers a name, and the oldest names leave first when there are more than `capacity`.
 */
export class SlidingWindow {
  readonly #counts: ExpiringCache<{ startsAtMs: number; now: number; before: number }>
  readonly #most: number
  readonly #windowMs: number

  constructor(capacity: number, most: number, windowMs: number) {
    this.#counts = new ExpiringCache(capacity, 2 * windowMs)
    this.#most = most
    this.#windowMs = windowMs
  }

  /** Counts one. Answers when to come back, in milliseconds since 1970, for a name that has had more than allowed; else null. */
  count(name: string): number | null {
    const atMs = Date.now()
    const startsAtMs = atMs - (atMs % this.#windowMs)
    const last = this.#counts.get(name)
    const isRunning = last?.startsAtMs === startsAtMs
    const before = isRunning ? last.before : last?.startsAtMs === startsAtMs - this.#windowMs ? last.now : 0
    const now = (isRunning ? last.now : 0) + 1
    this.#counts.set(name, { startsAtMs, now, before })
    const endsAtMs = startsAtMs + this.#windowMs
    return now + before * ((endsAtMs - atMs) / this.#windowMs) > this.#most ? endsAtMs : null
  }
}
