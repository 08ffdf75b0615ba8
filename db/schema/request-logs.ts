import { sql } from 'drizzle-orm'
import { type AnyPgColumn, bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
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
    /** As in the usage record, so that a page of the log reads no other table. */
    costNanos: bigint('cost_nanos', { mode: 'number' }).notNull().default(0),
    estimated: boolean('estimated').notNull().default(false),
    /** When the request began, so that an adjustment finds the line it corrects by its key. */
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date' }).notNull(),
  },
  (t) => [
    // One line per request, in the order a customer pages through them.
    primaryKey({ name: 'request_logs_pk', columns: [t.organizationId, t.createdAt, t.requestId] }),
    // Lines of one key or model, newest first, without a look at those of the others.
    index('request_logs_key').on(t.organizationId, t.keyId, t.createdAt),
    index('request_logs_model').on(t.organizationId, t.model, t.createdAt),
    // The few lines that are no plain success, for the same reason; db/queries/usage/list-requests.ts words the same condition.
    index('request_logs_notable').on(t.organizationId, t.createdAt).where(notable(t)),
    index('request_logs_notable_key').on(t.organizationId, t.keyId, t.createdAt).where(notable(t)),
  ],
)

/** Whether a line tells of a failure, an end before the end, or an estimate. */
function notable({ outcome, status, estimated }: Record<'outcome' | 'status' | 'estimated', AnyPgColumn>) {
  return sql`${outcome} <> 'completed' or ${status} is null or ${status} >= 400 or ${estimated}`
}
