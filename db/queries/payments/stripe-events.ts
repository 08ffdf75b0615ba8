import { and, desc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { stripeEvents } from '../../schema/index.ts'
import { readRows } from '../../statements.ts'

export type StripeEventRow = typeof stripeEvents.$inferSelect
export type StripeEventStatus = StripeEventRow['status']

/** Stores an event; false when it is there already. */
export async function insertStripeEvent(
  db: Db,
  event: Pick<StripeEventRow, 'id' | 'type' | 'objectId' | 'livemode' | 'status' | 'createdAt'>,
): Promise<boolean> {
  // Whole milliseconds, as a cursor has them.
  const receivedAt = new Date()
  const rows = await db
    .insert(stripeEvents)
    .values({ ...event, receivedAt, dueAt: event.status === 'received' ? receivedAt : null })
    .onConflictDoNothing()
    .returning({ id: stripeEvents.id })
  return rows.length > 0
}

const TakenEvent = z.object({ id: z.string(), type: z.string(), objectId: z.string() })
export type TakenEvent = z.infer<typeof TakenEvent>

/** When an event that was taken, and not finished, is due again: later with every attempt, after an hour at the most. */
const puttingOff = sql`attempts = e.attempts + 1, due_at = now() + make_interval(secs => least(3600, 30 * power(2, least(e.attempts, 10))))`

/** The event with this id when it is still to be processed. */
export async function takeStripeEvent(db: Db, id: string): Promise<TakenEvent | null> {
  const statement = sql`
    update stripe_events e set ${puttingOff} where e.id = ${id} and e.status = 'received'
    returning e.id, e.type, e.object_id as "objectId"`
  const [row] = await readRows(db, statement, TakenEvent)
  return row ?? null
}

/** Events that are overdue; of two takers at once only one gets each. */
export function takeDueStripeEvents(db: Db, limit: number): Promise<TakenEvent[]> {
  const statement = sql`
    update stripe_events e set ${puttingOff}
    from (select id from stripe_events where status = 'received' and due_at <= now() order by due_at limit ${limit} for update skip locked) due
    where e.id = due.id
    returning e.id, e.type, e.object_id as "objectId"`
  return readRows(db, statement, TakenEvent)
}

/** Ends an event; one that has ended stays as it is. */
export async function finishStripeEvent(db: Db, id: string, status: Exclude<StripeEventStatus, 'received'>): Promise<void> {
  await db
    .update(stripeEvents)
    .set({ status, dueAt: null })
    .where(and(eq(stripeEvents.id, id), eq(stripeEvents.status, 'received')))
}

/** Events in the order in which they came, the newest first. `before` is the last of the page before. */
export function listStripeEvents(
  db: Db,
  page: { status?: StripeEventStatus | undefined; before: { receivedAt: Date; id: string } | null; limit: number },
): Promise<StripeEventRow[]> {
  const { status, before, limit } = page
  const place = sql`(${stripeEvents.receivedAt}, ${stripeEvents.id})`
  return db
    .select()
    .from(stripeEvents)
    .where(
      and(
        status && eq(stripeEvents.status, status),
        before ? sql`${place} < (${before.receivedAt.toISOString()}::timestamptz, ${before.id})` : undefined,
      ),
    )
    .orderBy(desc(stripeEvents.receivedAt), desc(stripeEvents.id))
    .limit(limit)
}
