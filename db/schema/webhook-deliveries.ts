import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, primaryKey, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { customerEvents } from './customer-events.ts'
import { webhookEndpoints } from './webhook-endpoints.ts'

/** An event on its way to an endpoint. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id').notNull(),
    endpointId: text('endpoint_id')
      .notNull()
      .references(() => webhookEndpoints.id, { onDelete: 'cascade' }),
    event: bigint('event', { mode: 'number' })
      .notNull()
      .references(() => customerEvents.id),
    /** Zero for the first; each replay by hand is one more. */
    replay: integer('replay').notNull().default(0),
    status: text('status', { enum: ['pending', 'delivered', 'failed'] })
      .notNull()
      .default('pending'),
    attempts: integer('attempts').notNull().default(0),
    /** When it is attempted next; null when it is done. */
    dueAt: timestamp('due_at', { withTimezone: true, mode: 'date' }).defaultNow(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    finishedAt: timestamp('finished_at', { withTimezone: true, mode: 'date' }),
  },
  (t) => [
    // An event reaches an endpoint by one delivery, however often it is handed out.
    unique('webhook_deliveries_event').on(t.endpointId, t.event, t.replay),
    check('webhook_deliveries_due', sql`(${t.status} = 'pending') = (${t.dueAt} is not null)`),
    check('webhook_deliveries_finished', sql`(${t.status} = 'pending') = (${t.finishedAt} is null)`),
    // What is due is asked for endpoint by endpoint, so that what waits for a paused one is in nobody's way.
    index('webhook_deliveries_endpoint_due').on(t.endpointId, t.dueAt).where(sql`${t.status} = 'pending'`),
    index('webhook_deliveries_endpoint').on(t.endpointId, t.id),
    index('webhook_deliveries_of_event').on(t.event),
  ],
)

/** What came of each attempt at a delivery. */
export const webhookAttempts = pgTable(
  'webhook_attempts',
  {
    deliveryId: text('delivery_id')
      .notNull()
      .references(() => webhookDeliveries.id, { onDelete: 'cascade' }),
    /** From one. */
    number: integer('number').notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    durationMs: integer('duration_ms').notNull(),
    outcome: text('outcome', {
      enum: ['delivered', 'refused', 'timeout', 'unreachable', 'target_refused', 'secret_unavailable'],
    }).notNull(),
    /** HTTP status; null when there was none. */
    status: integer('status'),
    /** The first bytes of the answer with whatever is not printable escaped, or what stood in the way. */
    answer: text('answer'),
  },
  (t) => [primaryKey({ name: 'webhook_attempts_pk', columns: [t.deliveryId, t.number] })],
)
