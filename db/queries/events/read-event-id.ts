import { and, eq } from 'drizzle-orm'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../../client.ts'
import { customerEvents } from '../../schema/index.ts'

/** What an event is called outside, by what it tells of; it has been recorded. */
export async function readEventId(
  db: Db,
  { organizationId, type, dedupe }: { organizationId: string; type: (typeof customerEvents.$inferSelect)['type']; dedupe: string },
): Promise<string> {
  const { eventId } = customerEvents
  const isIt = and(eq(customerEvents.organizationId, organizationId), eq(customerEvents.type, type), eq(customerEvents.dedupe, dedupe))
  const [row] = await db.select({ eventId }).from(customerEvents).where(isIt)
  assert(row, 'the event has been recorded')
  return row.eventId
}
