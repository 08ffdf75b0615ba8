import { sql } from 'drizzle-orm'
import { bigint, check, index, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** What a customer is told of its balance, written in the transaction that moved it; never updated. */
export const customerEvents = pgTable(
  'customer_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    type: text('type', { enum: ['balance.low', 'balance.exhausted'] }).notNull(),
    /** The balance that fell below the threshold, and the version that counts this movement. */
    balanceNanos: bigint('balance_nanos', { mode: 'number' }).notNull(),
    balanceVersion: bigint('balance_version', { mode: 'number' }).notNull(),
    thresholdNanos: bigint('threshold_nanos', { mode: 'number' }).notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('customer_events_type', sql`${t.type} in ('balance.low', 'balance.exhausted')`),
    // One movement of a balance raises an event of a type once.
    unique('customer_events_movement').on(t.organizationId, t.type, t.balanceVersion),
    index('customer_events_organization').on(t.organizationId, t.id),
  ],
)
