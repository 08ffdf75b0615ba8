import { findWebhookEndpoint, listWebhookEndpoints } from '#db/queries/webhooks/endpoints.ts'
import { webhookOperations as operations } from '#shared/contracts/api/webhooks.ts'
import { nudgeWebhooks } from '#workers/services/events/nudge-webhooks.ts'
import { endpoint } from '../endpoint.ts'
import { changeEndpoint } from '../webhooks/change-endpoint.ts'
import { createWebhookEndpoint } from '../webhooks/create-endpoint.ts'
import { deleteEndpoint } from '../webhooks/delete-endpoint.ts'
import { listDeliveries, readDelivery } from '../webhooks/deliveries.ts'
import { endpointView } from '../webhooks/endpoint-view.ts'
import { replayDelivery, replayRange } from '../webhooks/replay.ts'
import { rotateWebhookSecret } from '../webhooks/rotate-secret.ts'
import { sendTest } from '../webhooks/send-test.ts'
import { found } from '../webhooks/webhook-change.ts'

export const webhookEndpoints = [
  endpoint(operations.list, async ({ surroundings, scope }) => {
    const rows = await listWebhookEndpoints(surroundings.db, scope.organizationId)
    return { data: rows.map((row) => endpointView(row, Date.now())) }
  }),
  endpoint(operations.create, async ({ surroundings: { keyRing, targets }, platform, scope, body }) =>
    createWebhookEndpoint({ platform, keyRing, targets }, scope, body),
  ),
  endpoint(operations.read, async ({ surroundings, scope: { organizationId }, params: { endpointId } }) =>
    endpointView(found(await findWebhookEndpoint(surroundings.db, { organizationId, endpointId })), Date.now()),
  ),
  endpoint(operations.change, async ({ surroundings, platform, scope, params: { endpointId }, body }) => {
    const changed = await changeEndpoint(platform, surroundings.targets, { scope, endpointId, change: body })
    // What has waited while it was paused is due.
    if (body.status === 'active') await nudgeWebhooks(surroundings.webhooks, [scope.organizationId])
    return changed
  }),
  endpoint(operations.remove, async ({ platform, scope, params }) => deleteEndpoint(platform, scope, params.endpointId)),
  endpoint(operations.rotateSecret, async ({ surroundings, platform, scope, params: { endpointId }, body }) =>
    rotateWebhookSecret(platform, surroundings.keyRing(), { scope, endpointId, ...body }),
  ),
  endpoint(operations.test, async ({ platform, scope, params }) => sendTest(platform, scope, params.endpointId)),
  endpoint(operations.replayRange, async ({ surroundings, platform, scope, params: { endpointId }, body }) => {
    const answer = await replayRange(platform, scope, { endpointId, wanted: body })
    if (answer.replayed > 0) await nudgeWebhooks(surroundings.webhooks, [scope.organizationId])
    return answer
  }),
  endpoint(operations.listDeliveries, async ({ surroundings, scope: { organizationId }, params: { endpointId }, query }) =>
    listDeliveries(surroundings.db, { organizationId, endpointId }, query),
  ),
  endpoint(operations.readDelivery, async ({ surroundings, scope: { organizationId }, params: { endpointId, deliveryId } }) =>
    readDelivery(surroundings.db, { organizationId, endpointId, deliveryId }),
  ),
  endpoint(operations.replayDelivery, async ({ surroundings, platform, scope, params }) => {
    const delivery = await replayDelivery(platform, scope, params)
    await nudgeWebhooks(surroundings.webhooks, [scope.organizationId])
    return delivery
  }),
]
