import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import { organizations } from './organizations.ts'

/**
 * Every stored secret, sealed: see `workers/services/secrets`. A row belongs to the row of another table that `owner_table` and `owner_id` name, and
 * opens only there: moved elsewhere, it is noise.
 */
export const secrets = pgTable(
  'secrets',
  {
    ownerTable: text('owner_table').notNull(),
    ownerId: text('owner_id').notNull(),
    /** What of its owner it is, such as `api_key`. */
    purpose: text('purpose').notNull(),
    /** The customer it belongs to; null for the platform's own. */
    organizationId: text('organization_id').references(() => organizations.id),
    /** Raised each time the secret itself is replaced. */
    version: integer('version').notNull(),
    /** Who wraps its data encryption key, by which key. */
    kek: text('kek', { enum: ['local', 'aws'] }).notNull(),
    kekId: text('kek_id').notNull(),
    wrappedDek: text('wrapped_dek').notNull(),
    sealed: text('sealed').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    rewrappedAt: timestamp('rewrapped_at', { withTimezone: true, mode: 'date' }),
  },
  (t) => [
    // An owner has one secret of a kind, so that a replaced one is gone and not beside it.
    primaryKey({ name: 'secrets_pk', columns: [t.ownerTable, t.ownerId, t.purpose] }),
    check('secrets_kek', sql`${t.kek} in ('local', 'aws')`),
    check('secrets_version', sql`${t.version} >= 1`),
    // Refuses a plaintext stored by mistake: both are base64url of at least a nonce, a byte and a tag.
    check('secrets_are_sealed', sql`${t.sealed} ~ '^[A-Za-z0-9_-]{39,}$' and ${t.wrappedDek} ~ '^[A-Za-z0-9_-]{80,}$'`),
    // A rotation asks what is still wrapped by an old key.
    index('secrets_kek_id').on(t.kek, t.kekId),
  ],
)
