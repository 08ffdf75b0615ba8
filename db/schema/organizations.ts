import { sql } from 'drizzle-orm'
import { bigint, boolean, check, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { Limits } from '#shared/contracts/account.ts'

/** The customers. Whoever changes a balance, an overdraft, a limit, a status or a key raises `balance_version` in the same transaction. */
export const organizations = pgTable(
  'organizations',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    status: text('status', { enum: ['active', 'suspended'] })
      .notNull()
      .default('active'),
    balanceNanos: bigint('balance_nanos', { mode: 'number' }).notNull().default(0),
    overdraftNanos: bigint('overdraft_nanos', { mode: 'number' }).notNull().default(0),
    balanceVersion: bigint('balance_version', { mode: 'number' }).notNull().default(1),
    /** A balance that falls below it raises `balance.low`; null raises none. */
    lowBalanceNanos: bigint('low_balance_nanos', { mode: 'number' }),
    /** Raised by every change of its provider credentials that a proxy must know of. */
    credentialsVersion: bigint('credentials_version', { mode: 'number' }).notNull().default(0),
    /** Whether a request that its own provider credentials cannot serve is served with its balance. */
    byokFallback: boolean('byok_fallback').notNull().default(false),
    limits: jsonb('limits').$type<Limits>().notNull().default({}),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('organizations_status', sql`${t.status} in ('active', 'suspended')`),
    // The range of shared/values/money.ts: two amounts can always be added exactly in JavaScript.
    check('organizations_balance_range', sql`${t.balanceNanos} between -4500000000000000 and 4500000000000000`),
    check('organizations_low_balance_range', sql`${t.lowBalanceNanos} between 0 and 4500000000000000`),
    check('organizations_overdraft_range', sql`${t.overdraftNanos} between 0 and 4500000000000000`),
  ],
)
