import { index, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

/** Creations that a client may ask for again (header Idempotency-Key). The row is written in the transaction of the creation. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    /** Id of the user or management key that asked. */
    scope: text('scope').notNull(),
    key: text('key').notNull(),
    operation: text('operation').notNull(),
    /** SHA-256 of path and body: the same key for another request is a mistake. */
    requestHash: text('request_hash').notNull(),
    /** The answer, to be given again; null when it holds a secret or was not yet known. */
    status: integer('status'),
    answer: jsonb('answer'),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull().defaultNow(),
  },
  (t) => [
    // Of two at once the second waits for the first and is then told its answer.
    primaryKey({ name: 'idempotency_keys_pk', columns: [t.scope, t.key] }),
    index('idempotency_keys_age').on(t.createdAt),
  ],
)
