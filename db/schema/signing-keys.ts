import { jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Keys that sign access cookies, the links in mails, and receipts; what is secret of them is in `secrets`. */
export const signingKeys = pgTable('signing_keys', {
  id: text('id').primaryKey(),
  purpose: text('purpose', { enum: ['access', 'mail', 'receipt'] }).notNull(),
  /** The public half of a pair (RFC 8037); null for keys that verify by what is secret. */
  publicJwk: jsonb('public_jwk').$type<{ kty: 'OKP'; crv: 'Ed25519'; x: string }>(),
  createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  /** From then on it signs nothing new, or a pair for a last hour, and verifies as long as what it signed may live: a pair for good. */
  retiredAt: timestamp('retired_at', { withTimezone: true, mode: 'date' }),
})
