import { sql } from 'drizzle-orm'
import { check, index, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import type { Role } from '#shared/access/roles.ts'
import { organizations } from './organizations.ts'

/** Invitations into organizations, by mail. As with `mail_tokens`, the secret of the link is stored nowhere. */
export const invitations = pgTable(
  'invitations',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    email: text('email').notNull(),
    role: text('role').$type<Role>().notNull(),
    /** Id of the user or management key that invited. */
    invitedBy: text('invited_by').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }).notNull(),
    acceptedAt: timestamp('accepted_at', { withTimezone: true, mode: 'date' }),
    revokedAt: timestamp('revoked_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('invitations_role', sql`${t.role} in ('owner', 'admin', 'billing_admin', 'developer', 'viewer')`),
    check('invitations_end', sql`${t.acceptedAt} is null or ${t.revokedAt} is null`),
    // An address has one open invitation into an organization: inviting again replaces it.
    uniqueIndex('invitations_open').on(t.organizationId, t.email).where(sql`${t.acceptedAt} is null and ${t.revokedAt} is null`),
    index('invitations_email').on(t.email),
  ],
)
