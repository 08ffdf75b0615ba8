import { bigint, boolean, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { Usage } from '#shared/pricing/usage.ts'

/**
 * What each request used and cost. Partitioned by month of `settled_at`. A token bucket is null when the upstream did not report it, and zero
 * when it reported zero. No foreign keys: a record outlives the key, model and route it names.
 */
export const usageRecords = pgTable(
  'usage_records',
  {
    requestId: text('request_id').notNull(),
    organizationId: text('organization_id').notNull(),
    keyId: text('key_id').notNull(),
    model: text('model').notNull(),
    priceVersionId: text('price_version_id').notNull(),
    routeId: text('route_id'),
    upstream: text('upstream'),
    /** The customer's own provider credential that served it (BYOK); null when it was one of ours. */
    credentialId: text('credential_id'),
    inputTokens: integer('input_tokens'),
    cacheReadTokens: integer('cache_read_tokens'),
    cacheWrite5mTokens: integer('cache_write_5m_tokens'),
    cacheWrite1hTokens: integer('cache_write_1h_tokens'),
    outputTokens: integer('output_tokens'),
    /** How many of `output_tokens` were reasoning; never billed again. */
    reasoningTokens: integer('reasoning_tokens'),
    /** What was used beside text, such as `{"images": 1}`: the other buckets of Usage. Null for nearly all. */
    units: jsonb('units').$type<Usage>(),
    costNanos: bigint('cost_nanos', { mode: 'number' }).notNull(),
    /** What all attempts cost us together, or the customer at its provider; null when no route says. */
    upstreamCostNanos: bigint('upstream_cost_nanos', { mode: 'number' }),
    estimated: boolean('estimated').notNull(),
    capped: boolean('capped').notNull(),
    startedAt: timestamp('started_at', { withTimezone: true, mode: 'date' }).notNull(),
    settledAt: timestamp('settled_at', { withTimezone: true, mode: 'date' }).notNull(),
  },
  (t) => [
    // Postgres wants the partition key in it; that a request has one record is promised by `ledger_entries_event` and recordUsage.
    primaryKey({ name: 'usage_records_pk', columns: [t.requestId, t.settledAt] }),
  ],
)
