import { and, desc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import type { Db } from '../../client.ts'
import { webhookDeliveries } from '../../schema/index.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'
import type { WebhookDeliveryRow } from './deliveries.ts'
import type { EndpointReference } from './endpoints.ts'

/** The newest delivery of an event to an endpoint, which the caller has locked. */
export async function newestDelivery(tx: Db, endpointId: string, event: number): Promise<WebhookDeliveryRow> {
  const isOfEvent = and(eq(webhookDeliveries.endpointId, endpointId), eq(webhookDeliveries.event, event))
  const [row] = await tx.select().from(webhookDeliveries).where(isOfEvent).orderBy(desc(webhookDeliveries.replay)).limit(1)
  assert(row, 'an event that was asked for by a delivery has one')
  return row
}

/** `deliveryId` is the first of an event's deliveries, `replay` the number of its newest. */
const Replayable = z.object({ deliveryId: z.string(), event: SafeBigint, replay: z.int() })
export type Replayable = z.infer<typeof Replayable>

/**
 * Events whose first delivery to an endpoint was begun within a time, the oldest first, and whose newest delivery has ended in one of these ways; at most
 * `limit` behind the delivery `after`.
 */
export function listReplayable(
  tx: Db,
  which: { endpointId: string; fromMs: number; toMs: number; ended: ('delivered' | 'failed')[]; after: string | null; limit: number },
): Promise<Replayable[]> {
  const { endpointId, fromMs, toMs, ended, after, limit } = which
  const isBehind = after === null ? sql`true` : sql`f.id > ${after}`
  const statement = sql`
    select f.id as "deliveryId", f.event, newest.replay from webhook_deliveries f
    cross join lateral (
      select n.replay, n.status from webhook_deliveries n where n.endpoint_id = f.endpoint_id and n.event = f.event order by n.replay desc limit 1
    ) newest
    where f.endpoint_id = ${endpointId} and f.replay = 0 and f.created_at >= ${timestampOf(fromMs)} and f.created_at < ${timestampOf(toMs)}
      and newest.status = any(${sql.param(ended)}::text[]) and ${isBehind}
    order by f.id limit ${limit}`
  return readRows(tx, statement, Replayable)
}

/** Begins a further delivery of each event to an endpoint that the caller has locked; `replay` is the number of the newest before it. */
export function insertReplays(
  tx: Db,
  { organizationId, endpointId }: EndpointReference,
  replayed: Pick<Replayable, 'event' | 'replay'>[],
): Promise<WebhookDeliveryRow[]> {
  const rows = replayed.map(({ event, replay }) => ({ id: newId('dlv'), organizationId, endpointId, event, replay: replay + 1 }))
  return tx.insert(webhookDeliveries).values(rows).returning()
}
