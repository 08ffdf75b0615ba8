import { bigint, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/**
 * Customers whose ledger object has to be told of a change: the outbox of `workers/services/ledger/change-account.ts`. Written in the transaction of the
 * change, deleted when the object has heard of that version.
 */
export const ledgerPushes = pgTable(
  'ledger_pushes',
  {
    organizationId: text('organization_id')
      .primaryKey()
      .references(() => organizations.id),
    /** `organizations.balance_version` after the newest change. */
    version: bigint('version', { mode: 'number' }).notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** When it is tried again unless it was done by then. */
    dueAt: timestamp('due_at', { withTimezone: true, mode: 'date' }).notNull(),
  },
  (t) => [index('ledger_pushes_due').on(t.dueAt)],
)
