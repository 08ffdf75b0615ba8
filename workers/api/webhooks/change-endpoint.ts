import { changeWebhookEndpoint, findWebhookEndpoint, lockWebhookEndpoint, type WebhookEndpointRow } from '#db/queries/webhooks/endpoints.ts'
import type { WebhookEndpoint, WebhookEndpointChange } from '#shared/contracts/api/webhooks.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { TargetAccess } from '#workers/services/targets/settings.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { admitUrl } from './admit-url.ts'
import { auditedEndpoint, endpointView } from './endpoint-view.ts'
import { found, webhookChange } from './webhook-change.ts'

type Columns = Partial<Pick<WebhookEndpointRow, 'url' | 'description' | 'eventTypes' | 'status' | 'pausedBecause' | 'failingSince'>>

/** Changes an endpoint; what is absent stays. */
export async function changeEndpoint(
  platform: Platform,
  targets: TargetAccess,
  { scope, endpointId, change }: { scope: Scope; endpointId: string; change: WebhookEndpointChange },
): Promise<WebhookEndpoint> {
  const which = { organizationId: scope.organizationId, endpointId }
  found(await findWebhookEndpoint(platform.db, which))
  if (change.url !== undefined) await admitUrl(targets, platform.db, change.url)
  const row = await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'webhooks.manage')
    const before = found(await lockWebhookEndpoint(tx, which))
    const columns = columnsOf(change)
    const after = await changeWebhookEndpoint(tx, endpointId, columns)
    const audited = (state: WebhookEndpointRow) =>
      auditedEndpoint(Object.fromEntries(Object.entries(state).filter(([name]) => name in columns)))
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'changed'), before: audited(before), after: audited(after) })
    return after
  })
  return endpointView(row, Date.now())
}

/** Since when it fails is of the URL that it had, and forgotten by who activates it. */
function columnsOf({ url, description, eventTypes, status }: WebhookEndpointChange): Columns {
  return {
    ...(url !== undefined && { url, failingSince: null }),
    ...(description !== undefined && { description }),
    ...(eventTypes !== undefined && { eventTypes }),
    ...(status === 'active' && { status, pausedBecause: null, failingSince: null }),
    ...(status === 'paused' && { status, pausedBecause: 'asked' as const }),
  }
}
