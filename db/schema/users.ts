import { sql } from 'drizzle-orm'
import { bigint, check, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/** People. A deleted one keeps its row, emptied of what was personal, because the audit log names its id. */
export const users = pgTable(
  'users',
  {
    id: text('id').primaryKey(),
    /** In lower case; null once deleted. */
    // Unique, so that an address is one account, whatever two sign-ups at once do.
    email: text('email').unique('users_email'),
    name: text('name').notNull(),
    emailVerifiedAt: timestamp('email_verified_at', { withTimezone: true, mode: 'date' }),
    /** As `workers/api/identity/passwords.ts` writes it; null for one who signs in by other means only. */
    passwordHash: text('password_hash'),
    /** Since when a code of an authenticator is asked for; its secret is in `secrets`. */
    totpEnabledAt: timestamp('totp_enabled_at', { withTimezone: true, mode: 'date' }),
    /** The last time step whose code was taken: a code works once (RFC 6238, section 5.2). */
    totpLastStep: bigint('totp_last_step', { mode: 'number' }),
    /** Where the portal opens; a hint, never a right. */
    currentOrganizationId: text('current_organization_id').references(() => organizations.id),
    deletedAt: timestamp('deleted_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // An address in another case would be a second account of the same person.
    check('users_email_is_lower_case', sql`${t.email} = lower(${t.email})`),
    check('users_deleted_is_empty', sql`(${t.deletedAt} is null) = (${t.email} is not null)`),
  ],
)
