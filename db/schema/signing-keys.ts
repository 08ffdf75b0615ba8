import { pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Keys that sign access cookies and the links in mails; the keys themselves are in `secrets`. */
export const signingKeys = pgTable('signing_keys', {
  id: text('id').primaryKey(),
  purpose: text('purpose', { enum: ['access', 'mail'] }).notNull(),
  createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  /** From then on it signs nothing new, and verifies as long as what it signed may live. */
  retiredAt: timestamp('retired_at', { withTimezone: true, mode: 'date' }),
})
