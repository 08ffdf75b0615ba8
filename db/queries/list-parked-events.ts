import { desc, eq, getTableColumns, lt } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { ledgerEntries, parkedEvents } from '../schema/index.ts'

/** `recordedAt` is when the event was posted after all; null while it waits. */
export type ParkedEventRow = typeof parkedEvents.$inferSelect & { recordedAt: Date | null }

/** Usage events that could not be recorded when they came, newest first; the last id of a page asks for the next. */
export function listParkedEvents(db: Db, page: { beforeId?: number; limit: number }): Promise<ParkedEventRow[]> {
  return db
    .select({ ...getTableColumns(parkedEvents), recordedAt: ledgerEntries.createdAt })
    .from(parkedEvents)
    .leftJoin(ledgerEntries, eq(ledgerEntries.eventId, parkedEvents.eventId))
    .where(page.beforeId === undefined ? undefined : lt(parkedEvents.id, page.beforeId))
    .orderBy(desc(parkedEvents.id))
    .limit(page.limit)
}
