import { sql } from 'drizzle-orm'
import { bigint, index, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'

/** What about a payment was not as it should be, for a person to look at. Nothing of it was credited or debited. */
export const paymentFindings = pgTable(
  'payment_findings',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** Id at Stripe of what it is about. */
    objectId: text('object_id').notNull(),
    reason: text('reason', {
      enum: ['wrong_mode', 'wrong_currency', 'wrong_amount', 'wrong_customer', 'unknown_top_up', 'balance_out_of_range'],
    }).notNull(),
    organizationId: text('organization_id'),
    /** What was expected and what was found; never anything of a card or a person. */
    details: jsonb('details').$type<Record<string, string | number | boolean | null>>().notNull(),
    foundAt: timestamp('found_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    resolvedAt: timestamp('resolved_at', { withTimezone: true, mode: 'date' }),
    resolvedBy: text('resolved_by'),
    resolution: text('resolution'),
  },
  (t) => [
    // Found once, however often it is looked at.
    unique('payment_findings_object').on(t.objectId, t.reason),
    index('payment_findings_open').on(t.id).where(sql`${t.resolvedAt} is null`),
  ],
)
