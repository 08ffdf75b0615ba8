import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { LedgerEntryKind } from '#shared/contracts/api/billing.ts'
import { UpstreamKind } from '#shared/contracts/dialect.ts'
import { eventIdOf } from '#shared/contracts/usage-event.ts'
import { Usage } from '#shared/pricing/usage.ts'
import { timeOfId } from '#shared/values/id.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'
import { priceObject, VersionedPrice } from '../read-catalogue.ts'
import { recordedUsage } from '../recorded-usage.ts'

const dayMs = 86_400_000

const Row = z.object({
  startedAtMs: SafeBigint,
  settledAtMs: SafeBigint,
  model: z.string(),
  usage: Usage,
  priceVersionId: z.string(),
  /** Null for a version that is not in the table, such as that of own keys. */
  price: VersionedPrice.nullable(),
  costNanos: SafeBigint,
  estimated: z.boolean(),
  capped: z.boolean(),
  upstream: z.string().nullable(),
  /** Null for an upstream that is none of ours, or no longer. */
  upstreamKind: UpstreamKind.nullable(),
  credentialId: z.string().nullable(),
  entries: z.array(z.object({ entryId: SafeBigint, kind: LedgerEntryKind, amountNanos: SafeBigint, atMs: SafeBigint })),
})
export type BillingRecord = z.infer<typeof Row>

/**
 * What a customer's request was billed, with its entries of the ledger; null when this customer made no such request. It is there also when the line of the
 * request log is gone. Reads no month before the moment in the request's id.
 */
export async function readReceipt(db: Db, organizationId: string, requestId: string): Promise<BillingRecord | null> {
  const madeAtMs = timeOfId('req', requestId)
  if (madeAtMs === null) return null
  const eventIds = (['settlement', 'adjustment'] as const).map((kind) => eventIdOf({ kind, request: { requestId } }))
  const statement = sql`
    select floor(extract(epoch from u.started_at) * 1000)::bigint as "startedAtMs", floor(extract(epoch from u.settled_at) * 1000)::bigint as "settledAtMs",
      u.model, ${recordedUsage} as usage, u.price_version_id as "priceVersionId", case when p.id is not null then ${priceObject} end as price,
      u.cost_nanos as "costNanos", u.estimated, u.capped, u.upstream, s.kind as "upstreamKind", u.credential_id as "credentialId",
      (
        select jsonb_agg(jsonb_build_object(
          'entryId', e.id, 'kind', e.kind, 'amountNanos', e.amount_nanos, 'atMs', floor(extract(epoch from e.created_at) * 1000)
        ) order by e.id)
        from ledger_entries e where e.event_id = any(${sql.param(eventIds)}::text[]) and e.organization_id = u.organization_id
      ) as entries
    from usage_records u
    left join price_versions p on p.id = u.price_version_id
    left join upstreams s on s.id = u.upstream
    where u.request_id = ${requestId} and u.organization_id = ${organizationId} and u.settled_at >= ${timestampOf(madeAtMs - dayMs)}`
  const [row] = await readRows(db, statement, Row)
  return row ?? null
}
