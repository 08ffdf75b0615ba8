import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** How an organization pays: its customer at Stripe, the saved payment method, and its automatic top-up. */
export const billingAccounts = pgTable(
  'billing_accounts',
  {
    organizationId: text('organization_id')
      .primaryKey()
      .references(() => organizations.id),
    stripeCustomerId: text('stripe_customer_id').unique('billing_accounts_stripe_customer'),
    /** Whether that customer is one of Stripe's live mode. */
    livemode: boolean('livemode'),
    /** Id at Stripe of what is charged off session. */
    paymentMethodId: text('payment_method_id'),
    /** What may be shown of it. */
    card: jsonb('card').$type<{ brand: string; last4: string; expMonth: number; expYear: number }>(),
    automatic: boolean('automatic').notNull().default(false),
    /** A balance below the threshold is topped up by the amount, within the cap of a UTC month. */
    thresholdNanos: bigint('threshold_nanos', { mode: 'number' }),
    amountNanos: bigint('amount_nanos', { mode: 'number' }),
    monthlyCapNanos: bigint('monthly_cap_nanos', { mode: 'number' }),
    /** When a person turned it on last, or changed it: what failed or went back before counts no more. */
    automaticSince: timestamp('automatic_since', { withTimezone: true, mode: 'date' }),
    /** Why it was turned off, when it was not a person who did. */
    stoppedBecause: text('stopped_because', {
      enum: ['declined', 'authentication_required', 'payment_method_removed', 'payment_returned'],
    }),
    updatedAt: timestamp('updated_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check(
      'billing_accounts_automatic',
      sql`not ${t.automatic} or (${t.paymentMethodId} is not null and ${t.thresholdNanos} is not null and ${t.amountNanos} > 0 and ${t.monthlyCapNanos} >= ${t.amountNanos})`,
    ),
    // The few that are looked at every minute.
    index('billing_accounts_automatic_on').on(t.organizationId).where(sql`${t.automatic}`),
  ],
)
