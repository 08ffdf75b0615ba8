import { endEndpointLease, nextDueInMs, takeEndpointLease } from '#db/queries/webhooks/endpoint-lease.ts'
import { type DueDelivery, listDueDeliveries } from '#db/queries/webhooks/list-due-deliveries.ts'
import { type DeliveryTarget, readDeliveryTarget } from '#db/queries/webhooks/read-target.ts'
import { noteUnsigned, recordAttempt } from '#db/queries/webhooks/record-attempt.ts'
import { logFailure } from '#workers/edge/log.ts'
import { shownEvent } from '#workers/services/events/shown-event.ts'
import { attempt } from './attempt.ts'
import type { Surroundings } from './env.ts'
import { attemptMs, attemptsAtOnce, deliveriesTogether, failingMs, leaseMs, nudgeAheadMs, startsForMs, unsignedRestMs } from './limits.ts'
import { pauseEndpoint } from './pause-endpoint.ts'
import { retryAfterMs } from './schedule.ts'
import { openSigningSecrets } from './signing-secrets.ts'

export type Delivering = Omit<Surroundings, 'deliverer'>

/** Attempts by what came of them: `retried` and `failed` were not taken, `unsigned` not made; `unrecorded` were made by somebody else as well. */
type Counts = Record<'delivered' | 'retried' | 'failed' | 'unsigned' | 'unrecorded', number>
export type Delivered = { event: 'webhooks_delivered'; endpointId: string; isPaused: boolean; durationMs: number } & Counts

/**
 * Delivers what is due for an endpoint, unless somebody else does (null), for as long as an invocation may last, and nudges for what is due soon. A result is
 * written after its attempt: who dies in between leaves the delivery due, and it is sent again under the same id when the lease has run out.
 */
export async function deliver(platform: Delivering, endpointId: string, timeoutMs = attemptMs): Promise<Delivered | null> {
  const startedMs = Date.now()
  const { db } = platform
  const lease = await takeEndpointLease(db, endpointId, leaseMs)
  if (!lease) return null
  const run = new Run(platform, startedMs + startsForMs, timeoutMs)
  // What throws leaves the lease to run out, so that a fault is not met again at once.
  const isSigned = await run.deliverAll(endpointId)
  await endEndpointLease(db, lease, isSigned ? 0 : unsignedRestMs)
  if (isSigned) await nudgeForNext(platform, lease)
  return { event: 'webhooks_delivered', endpointId, isPaused: run.isPaused, durationMs: Date.now() - startedMs, ...run.counts }
}

/** Asks after the lease has ended: whoever made something due before, and saw that somebody delivers, relies on it. */
async function nudgeForNext({ db, queue }: Delivering, { endpointId, organizationId }: { endpointId: string; organizationId: string }) {
  const dueInMs = await nextDueInMs(db, endpointId)
  if (dueInMs === null || dueInMs > nudgeAheadMs) return
  const delaySeconds = Math.max(0, Math.ceil(dueInMs / 1_000))
  await queue
    .send({ organizationIds: [organizationId] }, { delaySeconds })
    .catch((error: unknown) => logFailure('webhooks_not_nudged', error, { endpointId }))
}

/** One Worker's turn at an endpoint. */
class Run {
  readonly counts: Counts = { delivered: 0, retried: 0, failed: 0, unsigned: 0, unrecorded: 0 }
  isPaused = false
  readonly #platform: Delivering
  readonly #lastStartMs: number
  readonly #timeoutMs: number

  constructor(platform: Delivering, lastStartMs: number, timeoutMs: number) {
    this.#platform = platform
    this.#lastStartMs = lastStartMs
    this.#timeoutMs = timeoutMs
  }

  /** False when the endpoint's secret cannot be opened. */
  async deliverAll(endpointId: string): Promise<boolean> {
    const { db } = this.#platform
    while (this.#mayStart()) {
      // Read anew for each batch: it may have been paused, moved, or given another secret.
      const target = await readDeliveryTarget(db, endpointId)
      const due = target ? await listDueDeliveries(db, endpointId, deliveriesTogether) : []
      if (!target || due.length === 0) break
      const secrets = await openSigningSecrets(this.#platform, target)
      if (!secrets) {
        await noteUnsigned(
          db,
          due.map(({ id }) => id),
          'The signing secret cannot be opened at the moment.',
        )
        this.counts.unsigned += due.length
        return false
      }
      await this.#deliverBatch(target, due, secrets)
    }
    return true
  }

  #mayStart(): boolean {
    return !this.isPaused && Date.now() < this.#lastStartMs
  }

  /** Waits for all that was begun, also when one throws: nothing goes on behind the end of a run. */
  async #deliverBatch(target: DeliveryTarget, due: DueDelivery[], secrets: string[]): Promise<void> {
    const waiting = due.values()
    const senders = Array.from({ length: attemptsAtOnce }, async () => {
      while (this.#mayStart()) {
        const next = waiting.next()
        if (next.done) return
        await this.#deliverOne(target, next.value, secrets)
      }
    })
    for (const sender of await Promise.allSettled(senders)) if (sender.status === 'rejected') throw sender.reason
  }

  async #deliverOne(target: DeliveryTarget, { id: deliveryId, attempts, event }: DueDelivery, secrets: string[]): Promise<void> {
    const { db, transact, targets } = this.#platform
    const startedMs = Date.now()
    const { askedMs, ...result } = await attempt(target.url, shownEvent(event), secrets, { targets, timeoutMs: this.#timeoutMs })
    const number = attempts + 1
    const isGone = result.status === 410
    const isOver = result.outcome === 'delivered' || isGone
    const retryMs = isOver ? null : retryAfterMs(number, askedMs, Math.random())
    const durationMs = Date.now() - startedMs
    const made = { deliveryId, number, startedMs, durationMs, ...result, retryAfterMs: retryMs }
    const recorded = await recordAttempt(db, made, failingMs)
    this.counts[!recorded ? 'unrecorded' : result.outcome === 'delivered' ? 'delivered' : retryMs === null ? 'failed' : 'retried']++
    // Who dies before it leaves the endpoint as it is, until its next attempt fails.
    if (isGone || recorded?.failsForLong)
      this.isPaused = (await pauseEndpoint(transact, target.endpointId, isGone ? 'gone' : 'failing')) || this.isPaused
  }
}
