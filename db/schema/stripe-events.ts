import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Events that Stripe sent, by its id of them. Only what they are about is kept: the state of that is asked from Stripe. */
export const stripeEvents = pgTable(
  'stripe_events',
  {
    id: text('id').primaryKey(),
    type: text('type').notNull(),
    /** Id of the object that it is about. */
    objectId: text('object_id').notNull(),
    livemode: boolean('livemode').notNull(),
    /** `set_aside`: a person has to look at it, see `payment_findings`. */
    status: text('status', { enum: ['received', 'processed', 'ignored', 'set_aside'] })
      .notNull()
      .default('received'),
    attempts: integer('attempts').notNull().default(0),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull(),
    receivedAt: timestamp('received_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    /** When it is processed again unless that was done by then; null when it is done. */
    dueAt: timestamp('due_at', { withTimezone: true, mode: 'date' }).defaultNow(),
  },
  (t) => [index('stripe_events_due').on(t.dueAt).where(sql`${t.status} = 'received'`)],
)
