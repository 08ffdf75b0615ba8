import { desc, lt } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { parkedEvents } from '../schema/index.ts'

export type ParkedEventRow = typeof parkedEvents.$inferSelect

/** Usage events that could not be recorded, newest first; the last id of a page asks for the next. */
export function listParkedEvents(db: Db, page: { beforeId?: number; limit: number }): Promise<ParkedEventRow[]> {
  return db
    .select()
    .from(parkedEvents)
    .where(page.beforeId === undefined ? undefined : lt(parkedEvents.id, page.beforeId))
    .orderBy(desc(parkedEvents.id))
    .limit(page.limit)
}
