import { sql } from 'drizzle-orm'
import { check, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { users } from './users.ts'

/**
 * Links that were sent by mail. The secret in a link is made from its id under a sealed key when the mail is written, so that neither this table nor
 * the queue ever holds it.
 */
export const mailTokens = pgTable(
  'mail_tokens',
  {
    id: text('id').primaryKey(),
    purpose: text('purpose', { enum: ['verify_email', 'reset_password', 'change_email'] }).notNull(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    /** Where it was sent, and for a change the address that becomes the account's. */
    email: text('email').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }).notNull(),
    /** Set once: a link works once. */
    usedAt: timestamp('used_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('mail_tokens_purpose', sql`${t.purpose} in ('verify_email', 'reset_password', 'change_email')`),
    index('mail_tokens_user').on(t.userId),
  ],
)
