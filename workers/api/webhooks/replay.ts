import type { Db } from '#db/client.ts'
import { findWebhookDelivery } from '#db/queries/webhooks/deliveries.ts'
import { lockWebhookEndpoint } from '#db/queries/webhooks/endpoints.ts'
import { insertReplays, listReplayable, newestDelivery } from '#db/queries/webhooks/replay-deliveries.ts'
import { beginningOf, endOf } from '#shared/contracts/api/period.ts'
import { maxReplayed, type WebhookDelivery, type WebhookReplay, type WebhookReplayAnswer } from '#shared/contracts/api/webhooks.ts'
import { assert } from '#shared/values/assert.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from '../organizations/lock-scope.ts'
import { deliveryView } from './deliveries.ts'
import { found, refusePaused, webhookChange } from './webhook-change.ts'

type Which = { organizationId: string; endpointId: string }

/** Begins a further delivery of the event that a delivery carries. Whoever calls it nudges the webhooks Worker. */
export async function replayDelivery(
  platform: Platform,
  scope: Scope,
  { endpointId, deliveryId }: { endpointId: string; deliveryId: string },
): Promise<WebhookDelivery> {
  const which = { organizationId: scope.organizationId, endpointId }
  return platform.transact(async (tx) => {
    await lockActive(tx, scope, which)
    const { event } = found(await findWebhookDelivery(tx, { ...which, deliveryId }), 'delivery')
    const newest = await newestDelivery(tx, endpointId, event.id)
    // A second click, and not somebody who would not wait for the next attempt.
    if (newest.status === 'pending' && newest.attempts === 0)
      throw new Problem('conflict', `The event is about to be delivered already (${newest.id}).`)
    const [delivery] = await insertReplays(tx, which, [{ event: event.id, replay: newest.replay }])
    assert(delivery, 'an insert without a condition answers its row')
    const after = { deliveryId: delivery.id, replayOf: deliveryId }
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'delivery_replayed'), after })
    return deliveryView({ delivery, event })
  })
}

/** Begins further deliveries of what was delivered within a time, the oldest first. Whoever calls it nudges the webhooks Worker. */
export async function replayRange(
  platform: Platform,
  scope: Scope,
  { endpointId, wanted }: { endpointId: string; wanted: WebhookReplay },
): Promise<WebhookReplayAnswer> {
  const which = { organizationId: scope.organizationId, endpointId }
  const { from, to, status, after = null } = wanted
  const ended: ('delivered' | 'failed')[] = status === 'all' ? ['delivered', 'failed'] : ['failed']
  return platform.transact(async (tx) => {
    await lockActive(tx, scope, which)
    const range = { endpointId, fromMs: beginningOf(from), toMs: endOf(to), ended, after }
    const replayable = await listReplayable(tx, { ...range, limit: maxReplayed + 1 })
    const replayed = replayable.slice(0, maxReplayed)
    const next = replayable.length > maxReplayed ? (replayed.at(-1)?.deliveryId ?? null) : null
    if (replayed.length === 0) return { replayed: 0, next }
    await insertReplays(tx, which, replayed)
    const told = { from, to, status, replayed: replayed.length }
    await recordChange(tx, platform.actor, { ...webhookChange(which, 'replayed'), after: told })
    return { replayed: replayed.length, next }
  })
}

/** While its endpoint is locked, nobody else replays, and the newest delivery of an event stays the newest. */
async function lockActive(tx: Db, scope: Scope, which: Which): Promise<void> {
  await lockScope(tx, scope, 'webhooks.manage')
  refusePaused(found(await lockWebhookEndpoint(tx, which)))
}
