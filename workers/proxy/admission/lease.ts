import type { Settlement } from '#shared/contracts/usage-event.ts'
import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Admission } from './admit.ts'
import { settleTogether } from './settle-together.ts'

/**
 * The lease of an admitted request, from admission to its one settlement. While the request runs its lease is renewed with a report of what it would
 * cost; `settle` ends it.
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
    const { organizationId, reference } = this.#admission
    await settleTogether(organizationId, { ...reference, settlement }, () => this.#ledger())
  }

  #renew(report: Settlement): void {
    rpcAnswer(this.#ledger().renew({ ...this.#admission.reference, report })).catch((error: unknown) =>
      logFailure('renew_failed', error, { requestId: this.#exchange.requestId }),
    )
  }

  /** A stub that has failed stays broken, so each call makes its own. */
  #ledger() {
    return this.#exchange.surroundings.ledgerOf(this.#admission.organizationId)
  }
}
