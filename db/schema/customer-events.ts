import { sql } from 'drizzle-orm'
import { bigint, check, index, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** What a customer is told of its balance or its provider credentials, written in the transaction that changed them. */
export const customerEvents = pgTable(
  'customer_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    type: text('type', { enum: ['balance.low', 'balance.exhausted', 'credential.paused'] }).notNull(),
    /** The balance that fell below the threshold, and the version that counts this movement. */
    balanceNanos: bigint('balance_nanos', { mode: 'number' }),
    balanceVersion: bigint('balance_version', { mode: 'number' }).notNull(),
    thresholdNanos: bigint('threshold_nanos', { mode: 'number' }),
    /** The provider credential that was paused. */
    credentialId: text('credential_id'),
    /** When the mails about a balance were put into the outbox: once. */
    mailedAt: timestamp('mailed_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('customer_events_type', sql`${t.type} in ('balance.low', 'balance.exhausted', 'credential.paused')`),
    // An event says all that its type is about, and nothing else.
    check(
      'customer_events_subject',
      sql`(${t.type} = 'credential.paused') = (${t.credentialId} is not null)
        and (${t.credentialId} is null) = (${t.balanceNanos} is not null and ${t.thresholdNanos} is not null)`,
    ),
    // One version of an account raises an event of a type once, of each credential.
    unique('customer_events_movement').on(t.organizationId, t.type, t.balanceVersion, t.credentialId).nullsNotDistinct(),
    index('customer_events_organization').on(t.organizationId, t.id),
    // The few that nobody has been written about.
    index('customer_events_unmailed').on(t.id).where(sql`${t.mailedAt} is null and ${t.type} <> 'credential.paused'`),
  ],
)
