import { WebhookNudge } from '#shared/contracts/events/webhook-nudge.ts'
import { logFailure } from '#workers/edge/log.ts'
import { type HandedOut, type HandingOut, handOut } from './hand-out.ts'
import { nudgeRetrySeconds } from './limits.ts'

/** What the consumer uses of a queue's message. */
export interface QueueMessage {
  readonly id: string
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options: { delaySeconds: number }): void
}

export type ConsumedNudges = {
  event: 'nudges_consumed'
  messages: number
  invalid: number
  retried: number
  durationMs: number
} & HandedOut

/** Does what the messages of a batch ask for, all in one. They come again when Postgres cannot be reached. Never throws. */
export async function consumeNudges(platform: HandingOut, messages: readonly QueueMessage[]): Promise<ConsumedNudges> {
  const startedMs = Date.now()
  const nudges = messages.map(({ body }) => WebhookNudge.safeParse(body))
  const organizationIds = [...new Set(nudges.flatMap(({ data }) => data?.organizationIds ?? []))]
  const summary = { event: 'nudges_consumed' as const, messages: messages.length, invalid: 0, retried: 0 }
  summary.invalid = nudges.filter(({ success }) => !success).length
  let handedOut: HandedOut = { events: 0, deliveries: 0, begun: 0, handedOn: 0 }
  try {
    if (organizationIds.length > 0) handedOut = await handOut(platform, organizationIds)
    for (const message of messages) message.ack()
  } catch (error) {
    logFailure('nudges_not_consumed', error)
    for (const message of messages) message.retry({ delaySeconds: nudgeRetrySeconds * 2 ** Math.max(0, message.attempts - 1) })
    summary.retried = messages.length
  }
  return { ...summary, ...handedOut, durationMs: Date.now() - startedMs }
}
