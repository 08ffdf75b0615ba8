import { boolean, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { users } from './users.ts'

/** Sign-ins. Every request asks whether its session still lives; the refresh tokens of one are in Redis. */
export const sessions = pgTable(
  'sessions',
  {
    id: text('id').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    method: text('method', { enum: ['password', 'passkey', 'github', 'google'] }).notNull(),
    /** Whether something beside the first factor was shown: a code of an authenticator, a recovery code, or a verifying passkey. */
    secondFactor: boolean('second_factor').notNull(),
    /** When who signs in last showed that; operations that ask for a fresh sign-in look at it. */
    authenticatedAt: timestamp('authenticated_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    ip: text('ip').notNull(),
    userAgent: text('user_agent').notNull(),
    lastSeenAt: timestamp('last_seen_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    /** The end that no refresh moves. */
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }).notNull(),
    revokedAt: timestamp('revoked_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [index('sessions_user').on(t.userId)],
)
