import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** Every payment into a balance, from the moment it is asked for. */
export const topUps = pgTable(
  'top_ups',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    kind: text('kind', { enum: ['checkout', 'automatic'] }).notNull(),
    /** What the balance gets; whole cents. Tax comes on top of it. */
    amountNanos: bigint('amount_nanos', { mode: 'number' }).notNull(),
    /** `review`: it was paid otherwise than asked for, and a person looks at it. */
    status: text('status', { enum: ['pending', 'succeeded', 'failed', 'review'] })
      .notNull()
      .default('pending'),
    /** Of a failed one. */
    failure: text('failure', { enum: ['declined', 'authentication_required', 'expired', 'failed'] }),
    livemode: boolean('livemode').notNull(),
    checkoutSessionId: text('checkout_session_id').unique('top_ups_checkout_session'),
    paymentIntentId: text('payment_intent_id').unique('top_ups_payment_intent'),
    /** What was paid in all, in cents, and how much of it was tax; null until it is paid. */
    paidCents: bigint('paid_cents', { mode: 'number' }),
    taxCents: bigint('tax_cents', { mode: 'number' }),
    receiptUrl: text('receipt_url'),
    invoiceNumber: text('invoice_number'),
    invoiceUrl: text('invoice_url'),
    invoicePdfUrl: text('invoice_pdf_url'),
    /** How much of it went back, by refunds and lost or open disputes. */
    returnedNanos: bigint('returned_nanos', { mode: 'number' }).notNull().default(0),
    /** Id of the user or management key that asked for it; null for an automatic one. */
    createdBy: text('created_by'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    finishedAt: timestamp('finished_at', { withTimezone: true, mode: 'date' }),
  },
  (t) => [
    check('top_ups_amount', sql`${t.amountNanos} > 0 and ${t.amountNanos} % 10000000 = 0`),
    check('top_ups_failure', sql`(${t.status} = 'failed') = (${t.failure} is not null)`),
    index('top_ups_organization').on(t.organizationId, t.id),
    // A customer has one automatic top-up under way: nobody pays twice for one low balance.
    uniqueIndex('top_ups_one_automatic').on(t.organizationId).where(sql`${t.kind} = 'automatic' and ${t.status} = 'pending'`),
    index('top_ups_pending').on(t.createdAt).where(sql`${t.status} = 'pending'`),
  ],
)
