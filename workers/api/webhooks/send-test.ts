import { readEventId } from '#db/queries/events/read-event-id.ts'
import { lockWebhookEndpoint } from '#db/queries/webhooks/endpoints.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { found, refusePaused, webhookChange } from './webhook-change.ts'

/** Sends an endpoint a test event, and answers its id. */
export async function sendTest(platform: Platform, scope: Scope, endpointId: string): Promise<{ eventId: string }> {
  const { organizationId } = scope
  const which = { organizationId, endpointId }
  return platform.transact(async (tx) => {
    await lockScope(tx, scope, 'webhooks.manage')
    refusePaused(found(await lockWebhookEndpoint(tx, which)))
    const event = { organizationId, type: 'webhook.test', dedupe: crypto.randomUUID() } as const
    await recordEvent(tx, { ...event, data: { endpointId }, onlyEndpointId: endpointId })
    const eventId = await readEventId(tx, event)
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'tested'), after: { eventId } })
    return { eventId }
  })
}
