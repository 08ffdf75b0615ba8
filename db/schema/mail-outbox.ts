import { bigint, index, jsonb, pgTable, timestamp } from 'drizzle-orm/pg-core'
import type { MailMessage } from '#shared/contracts/mail-message.ts'

/**
 * Mails that something in Postgres calls for: written in the statement that notices it, deleted when the queue `mail` has taken the message. Who dies in
 * between leaves the row, and the message is queued once more.
 */
export const mailOutbox = pgTable(
  'mail_outbox',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    message: jsonb('message').$type<MailMessage>().notNull(),
    /** When it is queued, again unless that was done by then. */
    dueAt: timestamp('due_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [index('mail_outbox_due').on(t.dueAt)],
)
