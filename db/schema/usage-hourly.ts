import { bigint, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'

/** Sums of usage records per hour (by `settled_at`), kept in the transaction that writes the records. Partitioned by hash of the customer. */
export const usageHourly = pgTable(
  'usage_hourly',
  {
    organizationId: text('organization_id').notNull(),
    keyId: text('key_id').notNull(),
    model: text('model').notNull(),
    hour: timestamp('hour', { withTimezone: true, mode: 'date' }).notNull(),
    requests: bigint('requests', { mode: 'number' }).notNull(),
    inputTokens: bigint('input_tokens', { mode: 'number' }).notNull(),
    cacheReadTokens: bigint('cache_read_tokens', { mode: 'number' }).notNull(),
    cacheWrite5mTokens: bigint('cache_write_5m_tokens', { mode: 'number' }).notNull(),
    cacheWrite1hTokens: bigint('cache_write_1h_tokens', { mode: 'number' }).notNull(),
    outputTokens: bigint('output_tokens', { mode: 'number' }).notNull(),
    reasoningTokens: bigint('reasoning_tokens', { mode: 'number' }).notNull(),
    costNanos: bigint('cost_nanos', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ name: 'usage_hourly_pk', columns: [t.organizationId, t.hour, t.keyId, t.model] })],
)
