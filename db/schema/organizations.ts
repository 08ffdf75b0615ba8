import { sql } from 'drizzle-orm'
import { bigint, boolean, check, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
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
    /** All that was ever spent by requests, and how much of that has been set against promotional credit: see `credit_grants`. */
    spentNanos: bigint('spent_nanos', { mode: 'number' }).notNull().default(0),
    grantsSpentNanos: bigint('grants_spent_nanos', { mode: 'number' }).notNull().default(0),
    overdraftNanos: bigint('overdraft_nanos', { mode: 'number' }).notNull().default(0),
    balanceVersion: bigint('balance_version', { mode: 'number' }).notNull().default(1),
    /** A balance that falls below it raises `balance.low`; null raises none. */
    lowBalanceNanos: bigint('low_balance_nanos', { mode: 'number' }),
    /** Raised by every change of its provider credentials that a proxy must know of. */
    credentialsVersion: bigint('credentials_version', { mode: 'number' }).notNull().default(0),
    /** Whether a request that its own provider credentials cannot serve is served with its balance. */
    byokFallback: boolean('byok_fallback').notNull().default(false),
    limits: jsonb('limits').$type<Limits>().notNull().default({}),
    /** Made for one person at sign-up; it has that one member and goes when the account goes. */
    personal: boolean('personal').notNull().default(false),
    /** Whether its members must sign in with a second factor. */
    requireTwoFactor: boolean('require_two_factor').notNull().default(false),
    /** What a new key gets when nothing else is said. */
    defaultKeyLimits: jsonb('default_key_limits').$type<Limits>().notNull().default({}),
    /** How long lines of the request log are kept; null keeps them as long as the platform does. */
    logRetentionDays: integer('log_retention_days'),
    /** Raised by every change of its settings: the entity tag. */
    settingsVersion: integer('settings_version').notNull().default(1),
    /** A deleted one is suspended for good, has no members and keeps its books. */
    deletedAt: timestamp('deleted_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('organizations_log_retention', sql`${t.logRetentionDays} between 1 and 3650`),
    check('organizations_deleted_is_suspended', sql`${t.deletedAt} is null or ${t.status} = 'suspended'`),
    check('organizations_status', sql`${t.status} in ('active', 'suspended')`),
    // The range of shared/values/money.ts: two amounts can always be added exactly in JavaScript.
    check('organizations_balance_range', sql`${t.balanceNanos} between -4500000000000000 and 4500000000000000`),
    check('organizations_low_balance_range', sql`${t.lowBalanceNanos} between 0 and 4500000000000000`),
    check('organizations_overdraft_range', sql`${t.overdraftNanos} between 0 and 4500000000000000`),
  ],
)
