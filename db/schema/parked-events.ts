import { bigint, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'

/** Usage events that cannot be recorded, kept for an operator to see. Metadata only. */
export const parkedEvents = pgTable(
  'parked_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** Null when the event was too broken to have one. */
    eventId: text('event_id'),
    reason: text('reason').notNull(),
    body: jsonb('body').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  // The ledger sends an unconfirmed event again and again; it is parked once.
  (t) => [unique('parked_events_event').on(t.eventId)],
)
