import { sql } from 'drizzle-orm'
import { bigint, check, index, pgTable, primaryKey, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** Every movement of every balance; never updated, never deleted. The sum per customer is the customer's balance. */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    id: bigint('id', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    /** Credits are positive, spend is negative, a free request is zero. */
    amountNanos: bigint('amount_nanos', { mode: 'number' }).notNull(),
    kind: text('kind', { enum: ['credit', 'debit', 'settlement', 'adjustment'] }).notNull(),
    eventId: text('event_id').notNull(),
    reason: text('reason'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // Led by the customer, so that one index serves identity, listing and sums.
    primaryKey({ name: 'ledger_entries_pk', columns: [t.organizationId, t.id] }),
    // Makes a redelivered event harmless: it lands once, whoever delivers it.
    unique('ledger_entries_event').on(t.eventId),
    // Finds the few credits and debits among all the requests of a customer, and costs a settlement nothing.
    index('ledger_entries_rare').on(t.organizationId, t.id).where(sql`${t.kind} <> 'settlement'`),
    check('ledger_entries_kind', sql`${t.kind} in ('credit', 'debit', 'settlement', 'adjustment')`),
    // A credit never takes and a charge never gives, whatever a caller mixed up.
    check(
      'ledger_entries_sign',
      sql`case ${t.kind} when 'credit' then ${t.amountNanos} > 0 when 'debit' then ${t.amountNanos} < 0
        when 'settlement' then ${t.amountNanos} <= 0 else true end`,
    ),
    check('ledger_entries_amount_range', sql`${t.amountNanos} between -4500000000000000 and 4500000000000000`),
  ],
)
