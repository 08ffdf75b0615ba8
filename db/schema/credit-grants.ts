import { sql } from 'drizzle-orm'
import { bigint, check, index, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'
import { promotionCodes } from './promotion-codes.ts'

/**
 * Promotional credit with an end. It is part of the balance and spent before paid credit, that which ends first before the rest: `remaining_nanos` is what is left of
 * it at the moment that `organizations.grants_spent_nanos` tells.
 */
export const creditGrants = pgTable(
  'credit_grants',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    /** The code that gave it; null when an operator did. */
    code: text('code').references(() => promotionCodes.code),
    amountNanos: bigint('amount_nanos', { mode: 'number' }).notNull(),
    remainingNanos: bigint('remaining_nanos', { mode: 'number' }).notNull(),
    /** What the customer reads about it. */
    reason: text('reason').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }).notNull(),
    /** When what was left of it was taken back. */
    expiredAt: timestamp('expired_at', { withTimezone: true, mode: 'date' }),
    /** What names a grant of an operator for all time, so that one who asks again gives nothing again; null for one of a code. */
    idempotencyKey: text('idempotency_key').unique('credit_grants_idempotency_key'),
    createdBy: text('created_by').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('credit_grants_remaining', sql`${t.remainingNanos} between 0 and ${t.amountNanos}`),
    // An organization redeems a code once.
    unique('credit_grants_code').on(t.organizationId, t.code),
    index('credit_grants_expiry').on(t.expiresAt).where(sql`${t.expiredAt} is null`),
    index('credit_grants_organization').on(t.organizationId, t.id),
  ],
)
