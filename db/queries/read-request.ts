import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { Attempt, RequestEnd, type RequestFacts, type Settlement } from '#shared/contracts/usage-event.ts'
import { Usage } from '#shared/pricing/usage.ts'
import { timeOfId } from '#shared/values/id.ts'
import type { Db } from '../client.ts'
import { readRows, SafeBigint, timestampOf } from '../statements.ts'
import { recordedUsage } from './recorded-usage.ts'

const dayMs = 86_400_000

/** Clocks differ, and a request whose ledger was away is settled late; both are far from these. */
const earlierMs = dayMs
const laterMs = 7 * dayMs

const Row = z.object({
  keyId: z.string(),
  model: z.string(),
  priceVersionId: z.string(),
  method: z.string(),
  path: z.string(),
  clientIp: z.string(),
  userAgent: z.string(),
  startedAtMs: SafeBigint,
  costNanos: SafeBigint,
  usage: Usage,
  estimated: z.boolean(),
  capped: z.boolean(),
  end: RequestEnd,
  status: z.int().nullable(),
  routeId: z.string().nullable(),
  upstream: z.string().nullable(),
  credentialId: z.string().nullable(),
  latencyMs: z.int(),
  timeToFirstTokenMs: z.int().nullable(),
  attempts: z.array(Attempt).nullable(),
})

/** A request as it was recorded; its `attempts` are absent when there was only the one that answered, or none is known. */
export interface RecordedRequest {
  /** Of model and price version, those that were served. */
  request: RequestFacts
  settlement: Settlement
}

/** The record of a request that this customer made, with one of these keys unless they are null; null when there is none. Reads only the months around the moment in its id. */
export async function readRequest(
  db: Db,
  { organizationId, keyIds, requestId }: { organizationId: string; keyIds: string[] | null; requestId: string },
): Promise<RecordedRequest | null> {
  const madeAtMs = timeOfId('req', requestId)
  if (madeAtMs === null) return null
  const [row] = await readRows(db, requestStatement({ organizationId, keyIds, requestId, madeAtMs }), Row)
  if (!row) return null
  const { keyId, model, priceVersionId, method, path, clientIp, userAgent, startedAtMs, attempts, credentialId, ...settlement } = row
  return {
    request: { requestId, keyId, model, priceVersionId, method, path, clientIp, userAgent, startedAtMs },
    settlement: { ...settlement, ...(credentialId && { credentialId }), ...(attempts && { attempts }) },
  }
}

/** Its own function, so that a test can have it explained. */
export function requestStatement(asked: { organizationId: string; keyIds: string[] | null; requestId: string; madeAtMs: number }): SQL {
  const fromMs = timestampOf(asked.madeAtMs - earlierMs)
  return sql`
    select u.key_id as "keyId", u.model, u.price_version_id as "priceVersionId", l.method, l.path, l.client_ip as "clientIp",
      l.user_agent as "userAgent", u.cost_nanos as "costNanos", u.estimated, u.capped, l.outcome as "end", l.status, u.route_id as "routeId",
      u.upstream, u.credential_id as "credentialId", l.latency_ms as "latencyMs", l.time_to_first_token_ms as "timeToFirstTokenMs", l.attempts,
      round(extract(epoch from u.started_at) * 1000)::bigint as "startedAtMs",
      ${recordedUsage} as usage
    from usage_records u
    join request_logs l on l.organization_id = u.organization_id and l.created_at = u.started_at and l.request_id = u.request_id
    where u.request_id = ${asked.requestId} and u.organization_id = ${asked.organizationId}
      ${asked.keyIds === null ? sql`` : sql`and u.key_id = any(${sql.param(asked.keyIds)}::text[])`}
      and u.settled_at between ${fromMs} and ${timestampOf(asked.madeAtMs + laterMs)}
      and l.created_at between ${fromMs} and ${timestampOf(asked.madeAtMs + earlierMs)}`
}
