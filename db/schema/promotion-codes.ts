import { sql } from 'drizzle-orm'
import { bigint, check, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Codes that give promotional credit, each organization once. */
export const promotionCodes = pgTable(
  'promotion_codes',
  {
    /** Upper case. */
    code: text('code').primaryKey(),
    amountNanos: bigint('amount_nanos', { mode: 'number' }).notNull(),
    /** How long the credit that it gives can be spent. */
    creditDays: integer('credit_days').notNull(),
    /** How many organizations may redeem it; null: any number. */
    maxRedemptions: integer('max_redemptions'),
    redemptions: integer('redemptions').notNull().default(0),
    /** When it can no longer be redeemed; null: never. */
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }),
    disabledAt: timestamp('disabled_at', { withTimezone: true, mode: 'date' }),
    createdBy: text('created_by').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('promotion_codes_amount', sql`${t.amountNanos} > 0`),
    check('promotion_codes_credit_days', sql`${t.creditDays} between 1 and 3650`),
    check('promotion_codes_redemptions', sql`${t.redemptions} <= ${t.maxRedemptions}`),
  ],
)
