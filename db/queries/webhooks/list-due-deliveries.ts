import { and, asc, eq, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { customerEvents, webhookDeliveries } from '../../schema/index.ts'
import type { CustomerEventRow } from '../list-customer-events.ts'

export interface DueDelivery {
  id: string
  /** Attempts that have been made. */
  attempts: number
  event: CustomerEventRow
}

/** What is due for an endpoint, what waits longest first. Whoever asks has the endpoint's lease. */
export function listDueDeliveries(db: Db, endpointId: string, limit: number): Promise<DueDelivery[]> {
  const { id, attempts, status, dueAt } = webhookDeliveries
  return db
    .select({ id, attempts, event: customerEvents })
    .from(webhookDeliveries)
    .innerJoin(customerEvents, eq(customerEvents.id, webhookDeliveries.event))
    .where(and(eq(webhookDeliveries.endpointId, endpointId), eq(status, 'pending'), sql`${dueAt} <= now()`))
    .orderBy(asc(dueAt), asc(customerEvents.id))
    .limit(limit)
}
