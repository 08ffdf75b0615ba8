import type { Db } from '#db/client.ts'
import { type DeliveryOfEvent, findWebhookDelivery, listWebhookAttempts, listWebhookDeliveries } from '#db/queries/webhooks/deliveries.ts'
import { findWebhookEndpoint } from '#db/queries/webhooks/endpoints.ts'
import { DeliveryId } from '#shared/contracts/api/parameters.ts'
import { beginningOf, endOf } from '#shared/contracts/api/period.ts'
import type { WebhookDelivery, WebhookDeliveryDetail, WebhookDeliveryQuery } from '#shared/contracts/api/webhooks.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { shownEvent } from '#workers/services/events/shown-event.ts'
import { found } from './webhook-change.ts'

type Which = { organizationId: string; endpointId: string }

/** A page of the deliveries of an endpoint, the newest first. */
export async function listDeliveries(
  db: Db,
  which: Which,
  { cursor, limit, status, eventType, from, to }: WebhookDeliveryQuery,
): Promise<{ data: WebhookDelivery[]; next: string | null }> {
  found(await findWebhookEndpoint(db, which))
  const list = `deliveries ${which.organizationId} ${which.endpointId}`
  const search = {
    ...which,
    status,
    eventType,
    fromMs: from === undefined ? null : beginningOf(from),
    toMs: to === undefined ? null : endOf(to),
    after: readCursor(list, cursor, DeliveryId),
  }
  const rows = await listWebhookDeliveries(db, { ...search, limit: limit + 1 })
  const { data, next } = pageFrom({ rows, limit, list }, ({ delivery }) => delivery.id)
  return { data: data.map(deliveryView), next }
}

/** A delivery with what is sent, and what came of each attempt. */
export async function readDelivery(db: Db, which: Which & { deliveryId: string }): Promise<WebhookDeliveryDetail> {
  const delivery = found(await findWebhookDelivery(db, which), 'delivery')
  const attempts = await listWebhookAttempts(db, which.deliveryId)
  return {
    ...deliveryView(delivery),
    payload: shownEvent(delivery.event),
    attempts: attempts.map(({ at, ...attempt }) => ({ ...attempt, at: at.toISOString() })),
  }
}

export function deliveryView({ delivery, event }: DeliveryOfEvent): WebhookDelivery {
  const { id: deliveryId, replay, status, attempts: attemptCount, dueAt, createdAt, finishedAt } = delivery
  return {
    deliveryId,
    eventId: event.eventId,
    eventType: event.type,
    replay,
    status,
    attemptCount,
    nextAttemptAt: dueAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}
