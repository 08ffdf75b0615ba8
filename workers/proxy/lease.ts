import type { Settlement } from '#shared/contracts/usage-event.ts'
import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Admission } from './admit.ts'
import type { Exchange } from './exchange.ts'
import { settleWaitsMs } from './limits.ts'

/**
 * The lease of an admitted request, from admission to its one settlement. While the request runs its lease is renewed with a report of what it would
 * cost; `settle` ends it. A settlement the ledger does not acknowledge is sent again: it counts once however often it arrives.
 */
export class Lease {
  readonly #exchange: Exchange
  readonly #admission: Admission
  readonly #timer: ReturnType<typeof setInterval>
  #isSettled = false

  /** `onTick` runs before each renewal, three times a lease: it gives the report to renew with, and may look after the stream. */
  constructor(exchange: Exchange, admission: Admission, onTick: () => Settlement) {
    this.#exchange = exchange
    this.#admission = admission
    this.#timer = setInterval(() => this.#renew(onTick()), admission.leaseMs / 3)
  }

  async settle(settlement: Settlement): Promise<void> {
    assert(!this.#isSettled, 'a request was settled twice')
    this.#isSettled = true
    clearInterval(this.#timer)
    for (const waitMs of [0, ...settleWaitsMs]) {
      if (waitMs > 0) await scheduler.wait(waitMs)
      try {
        await this.#ledger().settle({ ...this.#admission.reference, settlement })
        return
      } catch (error) {
        this.#log('settle_failed', error)
      }
    }
  }

  #renew(report: Settlement): void {
    Promise.resolve(this.#ledger().renew({ ...this.#admission.reference, report })).catch((error: unknown) =>
      this.#log('renew_failed', error),
    )
  }

  /** A stub that has failed stays broken, so each call makes its own. */
  #ledger() {
    return this.#exchange.surroundings.ledgerOf(this.#admission.organizationId)
  }

  #log(event: string, error: unknown): void {
    logFailure(event, error, { requestId: this.#exchange.requestId })
  }
}
