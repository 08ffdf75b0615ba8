// Nobody retries for ever, so forgetting all of them is simpler than an order of age.
const maxRemembered = 10_000

/** How often each request has failed so far, for behaviours that fail only at first. An entry goes when it succeeds. */
export class Attempts {
  readonly #failed = new Map<string, number>()

  /** Counts one attempt; true while fewer than `failures` of them have failed. */
  failsThisTime(request: string, failures: number): boolean {
    const failed = this.#failed.get(request) ?? 0
    if (failed >= failures) {
      this.#failed.delete(request)
      return false
    }
    if (this.#failed.size >= maxRemembered) this.#failed.clear()
    this.#failed.set(request, failed + 1)
    return true
  }

  clear(): void {
    this.#failed.clear()
  }
}
