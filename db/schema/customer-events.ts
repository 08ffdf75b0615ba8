import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { bigint, check, index, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { customerEventTypes } from '#shared/contracts/events/types.ts'
import { organizations } from './organizations.ts'

/** Whether somebody is written about an event: what a person has to know of the money. A top-up that they saw fail themselves is none. */
export function isMailedEvent({ type, data }: { type: SQLWrapper; data: SQLWrapper }): SQL {
  return sql`(${type} in ('balance.low', 'balance.exhausted', 'refund.created') or ${type} = 'topup.failed' and ${data} ->> 'kind' = 'automatic')`
}

/**
 * What a customer is told of its account, written in the transaction of what it tells. It is the outbox of the mails about money and of the customer's webhooks.
 */
export const customerEvents = pgTable(
  'customer_events',
  {
    /** The order in which they are listed. */
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** What it is called outside, and the same in every delivery. */
    eventId: text('event_id')
      .notNull()
      .default(sql`'evt_' || replace(gen_random_uuid()::text, '-', '')`)
      .unique('customer_events_event_id'),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    type: text('type', { enum: customerEventTypes }).notNull(),
    /** As the type's schema in `shared/contracts/events` says. */
    data: jsonb('data').$type<Record<string, unknown>>().notNull(),
    /** What it tells of, in whatever words its type names it by; null for what cannot come twice. */
    dedupe: text('dedupe'),
    /** The one webhook endpoint that it is for; null for all that want its type. */
    onlyEndpointId: text('only_endpoint_id'),
    /** When the mails about it were put into the outbox: once. */
    mailedAt: timestamp('mailed_at', { withTimezone: true, mode: 'date' }),
    /** When it was handed to the webhook endpoints that want it: once. */
    fannedOutAt: timestamp('fanned_out_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('customer_events_type', sql.raw(`"customer_events"."type" in (${customerEventTypes.map((type) => `'${type}'`).join(', ')})`)),
    // What it tells of is told once.
    unique('customer_events_dedupe').on(t.organizationId, t.type, t.dedupe),
    index('customer_events_organization').on(t.organizationId, t.id),
    // The few that nobody has been written about, or that no endpoint was handed.
    index('customer_events_unmailed')
      .on(t.id)
      .where(sql`${t.mailedAt} is null and ${isMailedEvent(t)}`),
    index('customer_events_waiting').on(t.organizationId, t.id).where(sql`${t.fannedOutAt} is null`),
  ],
)
