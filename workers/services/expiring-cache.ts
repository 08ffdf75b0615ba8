/** A map of this isolate that forgets: entries after `keptMs`, and the oldest when there are more than `capacity`. */
export class ExpiringCache<Value> {
  readonly #entries = new Map<string, { value: Value; expiresAtMs: number }>()
  readonly #capacity: number
  readonly #keptMs: number

  constructor(capacity: number, keptMs: number) {
    this.#capacity = capacity
    this.#keptMs = keptMs
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (entry.expiresAtMs > Date.now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, expiresAtMs: Date.now() + this.#keptMs })
    if (this.#entries.size <= this.#capacity) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
