import type { Db, Transact } from '#db/client.ts'
import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { logFailure } from '#workers/edge/log.ts'
import { toldIn } from './record-event.ts'

/** The producer of the queue `webhooks`. */
export interface WebhookQueue {
  send(message: WebhookNudge): Promise<unknown>
}

/** Transactions after whose commit the webhooks Worker hears at once of the events in them. A nudge that is lost costs a minute: its cron looks for what waits. */
export function nudging(transact: Transact, queue: WebhookQueue): Transact {
  return async (work) => {
    let organizationIds: string[] = []
    const value = await transact(async (tx: Db) => {
      const done = await work(tx)
      organizationIds = toldIn(tx)
      return done
    })
    await nudgeWebhooks(queue, organizationIds)
    return value
  }
}

/** Tells the webhooks Worker that these customers have events; never throws. */
export async function nudgeWebhooks(queue: WebhookQueue, organizationIds: string[]): Promise<void> {
  if (organizationIds.length === 0) return
  await queue.send({ organizationIds }).catch((error: unknown) => logFailure('webhooks_not_nudged', error, {}))
}
