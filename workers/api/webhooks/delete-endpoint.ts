import { deleteWebhookEndpoint } from '#db/queries/webhooks/endpoints.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { auditedEndpoint } from './endpoint-view.ts'
import { found, webhookChange } from './webhook-change.ts'

/** Forgets an endpoint, its secrets and its deliveries. */
export async function deleteEndpoint(platform: Platform, scope: Scope, endpointId: string): Promise<void> {
  const which = { organizationId: scope.organizationId, endpointId }
  await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'webhooks.manage')
    const { url, description, eventTypes, status } = found(await deleteWebhookEndpoint(tx, which))
    const before = auditedEndpoint({ url, description, eventTypes, status })
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'deleted'), before })
  })
}
