import { sql } from 'drizzle-orm'
import { bigint, check, index, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

/**
 * Every change by anybody, written in the transaction of the change. A trigger numbers each entry within its chain and binds it to the one before by a
 * hash; other triggers refuse to update, delete or truncate. `workers/services/audit` says how the hash is made and checks it.
 */
export const auditLog = pgTable(
  'audit_log',
  {
    /** The organization that was changed, else the user, else `platform`. */
    chain: text('chain').notNull(),
    /** From 1, without a gap. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    at: timestamp('at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
    actorType: text('actor_type', { enum: ['user', 'management_key', 'operator', 'system'] }).notNull(),
    actorId: text('actor_id').notNull(),
    /** Address that the request came from; null when no request did. */
    ip: text('ip'),
    requestId: text('request_id'),
    /** What was done, such as `key.revoked`. */
    action: text('action').notNull(),
    targetType: text('target_type').notNull(),
    targetId: text('target_id').notNull(),
    /** What of the target was changed, as it was and as it is; without secrets. Null where there was or is nothing. */
    before: jsonb('before'),
    after: jsonb('after'),
    previousHash: text('previous_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_log_pk', columns: [t.chain, t.seq] }),
    check('audit_log_actor_type', sql`${t.actorType} in ('user', 'management_key', 'operator', 'system')`),
    // Finds what one actor did within an organization.
    index('audit_log_actor').on(t.chain, t.actorId, t.seq),
    // Finds what one actor did anywhere, for who asks what is held about them.
    index('audit_log_actor_anywhere').on(t.actorId, t.at),
  ],
)
