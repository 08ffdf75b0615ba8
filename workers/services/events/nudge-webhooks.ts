import type { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { logFailure } from '#workers/edge/log.ts'

/** The producer of the queue `webhooks`. */
export interface WebhookQueue {
  send(message: WebhookNudge): Promise<unknown>
}

/** The most that a nudge may name. */
const organizationsTogether = 1_000

/** Tells the webhooks Worker that these customers have events. Never throws: a nudge that is lost costs a minute, its cron looks for what waits. */
export async function nudgeWebhooks(queue: WebhookQueue, organizationIds: string[]): Promise<void> {
  for (let start = 0; start < organizationIds.length; start += organizationsTogether) {
    const message = { organizationIds: organizationIds.slice(start, start + organizationsTogether) }
    await queue.send(message).catch((error: unknown) => logFailure('webhooks_not_nudged', error, {}))
  }
}
