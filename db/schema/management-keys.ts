import { sql } from 'drizzle-orm'
import { check, index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import type { Role } from '#shared/access/roles.ts'
import { organizations } from './organizations.ts'

/** Keys by which scripts use this platform's own API in the name of an organization. They call no model. */
export const managementKeys = pgTable(
  'management_keys',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    /** What it may do, as a member of this role. */
    role: text('role').$type<Role>().notNull(),
    keyHash: text('key_hash').notNull().unique('management_keys_hash'),
    redacted: text('redacted').notNull(),
    /** Id of the user or management key that made it. */
    createdBy: text('created_by').notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true, mode: 'date' }),
    revokedAt: timestamp('revoked_at', { withTimezone: true, mode: 'date' }),
    lastUsedAt: timestamp('last_used_at', { withTimezone: true, mode: 'date' }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    check('management_keys_hash_is_sha256', sql`${t.keyHash} ~ '^[0-9a-f]{64}$'`),
    // A key that nobody watches must not be able to give the organization away.
    check('management_keys_role', sql`${t.role} in ('admin', 'billing_admin', 'developer', 'viewer')`),
    index('management_keys_organization').on(t.organizationId),
  ],
)
