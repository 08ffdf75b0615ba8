import { sql } from 'drizzle-orm'
import { bigint, check, date, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** Sums at which a customer wants a mail: what is spent in a UTC day or month. */
export const spendAlerts = pgTable(
  'spend_alerts',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    period: text('period', { enum: ['day', 'month'] }).notNull(),
    amountNanos: bigint('amount_nanos', { mode: 'number' }).notNull(),
    /** First day of the last period it was raised for: it is raised once in each. */
    raisedFor: date('raised_for', { mode: 'string' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('spend_alerts_period', sql`${t.period} in ('day', 'month')`),
    check('spend_alerts_amount', sql`${t.amountNanos} between 1 and 4500000000000000`),
    index('spend_alerts_organization').on(t.organizationId),
  ],
)
