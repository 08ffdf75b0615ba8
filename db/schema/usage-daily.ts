import { bigint, date, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/** Sums of usage records per day (UTC, by `settled_at`), kept in the transaction that writes the records. Partitioned by hash of the customer. */
export const usageDaily = pgTable(
  'usage_daily',
  {
    organizationId: text('organization_id').notNull(),
    keyId: text('key_id').notNull(),
    model: text('model').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    requests: bigint('requests', { mode: 'number' }).notNull(),
    inputTokens: bigint('input_tokens', { mode: 'number' }).notNull(),
    cacheReadTokens: bigint('cache_read_tokens', { mode: 'number' }).notNull(),
    cacheWrite5mTokens: bigint('cache_write_5m_tokens', { mode: 'number' }).notNull(),
    cacheWrite1hTokens: bigint('cache_write_1h_tokens', { mode: 'number' }).notNull(),
    outputTokens: bigint('output_tokens', { mode: 'number' }).notNull(),
    reasoningTokens: bigint('reasoning_tokens', { mode: 'number' }).notNull(),
    costNanos: bigint('cost_nanos', { mode: 'number' }).notNull(),
  },
  (t) => [
    // One row to add to; led by customer and day, as every report reads it.
    primaryKey({ name: 'usage_daily_pk', columns: [t.organizationId, t.day, t.keyId, t.model] }),
  ],
)
