import { and, asc, desc, eq, lt, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { customerEvents, webhookAttempts, webhookDeliveries } from '../../schema/index.ts'
import { timestampOf } from '../../statements.ts'
import type { CustomerEventRow } from '../list-customer-events.ts'
import type { EndpointReference } from './endpoints.ts'

export type WebhookDeliveryRow = typeof webhookDeliveries.$inferSelect
export type WebhookAttemptRow = typeof webhookAttempts.$inferSelect

/** A delivery, and the event that it carries. */
export interface DeliveryOfEvent {
  delivery: WebhookDeliveryRow
  event: CustomerEventRow
}

export interface DeliverySearch extends EndpointReference {
  status: WebhookDeliveryRow['status'] | undefined
  eventType: CustomerEventRow['type'] | undefined
  /** From one moment, which is in it, to another, which is not, by when a delivery was begun. */
  fromMs: number | null
  toMs: number | null
  /** The delivery behind which the page begins. */
  after: string | null
  limit: number
}

/** A page of the deliveries of an endpoint, the newest first. */
export function listWebhookDeliveries(db: Db, search: DeliverySearch): Promise<DeliveryOfEvent[]> {
  const { status, eventType, fromMs, toMs, after, limit } = search
  const { id, createdAt } = webhookDeliveries
  return deliveries(db)
    .where(
      and(
        isOf(search),
        status && eq(webhookDeliveries.status, status),
        eventType && eq(customerEvents.type, eventType),
        fromMs === null ? undefined : sql`${createdAt} >= ${timestampOf(fromMs)}`,
        toMs === null ? undefined : sql`${createdAt} < ${timestampOf(toMs)}`,
        after === null ? undefined : lt(id, after),
      ),
    )
    .orderBy(desc(id))
    .limit(limit)
}

export interface DeliveryReference extends EndpointReference {
  deliveryId: string
}

/** Null when the organization's endpoint has no such delivery. */
export async function findWebhookDelivery(db: Db, which: DeliveryReference): Promise<DeliveryOfEvent | null> {
  const [found] = await deliveries(db).where(and(isOf(which), eq(webhookDeliveries.id, which.deliveryId)))
  return found ?? null
}

/** What came of the attempts at a delivery, the first one first. */
export function listWebhookAttempts(db: Db, deliveryId: string): Promise<WebhookAttemptRow[]> {
  return db.select().from(webhookAttempts).where(eq(webhookAttempts.deliveryId, deliveryId)).orderBy(asc(webhookAttempts.number))
}

function deliveries(db: Db) {
  return db
    .select({ delivery: webhookDeliveries, event: customerEvents })
    .from(webhookDeliveries)
    .innerJoin(customerEvents, eq(customerEvents.id, webhookDeliveries.event))
}

function isOf({ organizationId, endpointId }: EndpointReference) {
  return and(eq(webhookDeliveries.organizationId, organizationId), eq(webhookDeliveries.endpointId, endpointId))
}
