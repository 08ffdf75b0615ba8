import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { Attempt } from '#shared/contracts/usage-event.ts'

/** What a customer sees of each request: metadata only, never a prompt or an answer. Partitioned by month of `created_at`. */
export const requestLogs = pgTable(
  'request_logs',
  {
    requestId: text('request_id').notNull(),
    organizationId: text('organization_id').notNull(),
    keyId: text('key_id').notNull(),
    model: text('model').notNull(),
    /** The upstream that answered; null when none was reached. */
    provider: text('provider'),
    /** The customer's own provider credential that served it (BYOK); null when it was one of ours. */
    credentialId: text('credential_id'),
    method: text('method').notNull(),
    path: text('path').notNull(),
    /** HTTP status the client got; null when nobody lived to see it. */
    status: integer('status'),
    outcome: text('outcome').notNull(),
    /** Every kind of input together; null when none was reported. */
    inputTokens: bigint('input_tokens', { mode: 'number' }),
    outputTokens: integer('output_tokens'),
    latencyMs: integer('latency_ms').notNull(),
    timeToFirstTokenMs: integer('time_to_first_token_ms'),
    /** Each attempt at an upstream; null when there was only the one that answered. */
    attempts: jsonb('attempts').$type<Attempt[]>(),
    clientIp: text('client_ip').notNull(),
    userAgent: text('user_agent').notNull(),
    /** When the request began, so that an adjustment finds the line it corrects by its key. */
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull(),
  },
  (t) => [
    // One line per request, in the order a customer pages through them.
    primaryKey({ name: 'request_logs_pk', columns: [t.organizationId, t.createdAt, t.requestId] }),
    // The lines of one key, and when it was last used.
    index('request_logs_key').on(t.organizationId, t.keyId, t.createdAt),
  ],
)
