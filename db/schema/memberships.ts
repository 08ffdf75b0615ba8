import { sql } from 'drizzle-orm'
import { check, index, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { Role } from '#shared/access/roles.ts'
import { organizations } from './organizations.ts'
import { users } from './users.ts'

/** Who belongs to which organization, as what. Read on every request, so that a change holds from the next one on. */
export const memberships = pgTable(
  'memberships',
  {
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role').$type<Role>().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'memberships_pk', columns: [t.organizationId, t.userId] }),
    check('memberships_role', sql`${t.role} in ('owner', 'admin', 'billing_admin', 'developer', 'viewer')`),
    index('memberships_user').on(t.userId),
  ],
)
