import { pgTable, primaryKey, text, timestamp, unique } from 'drizzle-orm/pg-core'
import { users } from './users.ts'

/** Accounts at GitHub and Google by which a person signs in. */
export const identities = pgTable(
  'identities',
  {
    provider: text('provider', { enum: ['github', 'google'] }).notNull(),
    /** The provider's own id of the account, which outlives its address and name. */
    subject: text('subject').notNull(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    email: text('email').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // One account there is one person here.
    primaryKey({ name: 'identities_pk', columns: [t.provider, t.subject] }),
    unique('identities_user').on(t.userId, t.provider),
  ],
)
