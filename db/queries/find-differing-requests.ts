import { sql } from 'drizzle-orm'
import type { z } from 'zod'
import { Finding } from '#shared/contracts/reconciliation.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

const DifferingRequest = Finding.omit({ kind: true })
export type DifferingRequest = z.infer<typeof DifferingRequest>

/**
 * The requests of these customers whose entries and usage record do not agree, compared at one moment. An adjustment may overtake its
 * settlement, and is then all that its entries say; that is no difference until `graceMs` have passed.
 */
export function findDifferingRequests(
  db: Db,
  asked: { organizationIds: string[]; graceMs: number; limit: number },
): Promise<DifferingRequest[]> {
  const within = sql`organization_id = any(${sql.param(asked.organizationIds)}::text[])`
  const statement = sql`
    with charged as (
      select organization_id as id, left(event_id, -length(kind) - 1) as request_id, -sum(amount_nanos) as nanos,
        bool_or(kind = 'settlement') as is_settled, max(created_at) as at
      from ledger_entries where kind in ('settlement', 'adjustment') and ${within} group by 1, 2
    ), recorded as (
      select organization_id as id, request_id, sum(cost_nanos) as nanos from usage_records where ${within} group by 1, 2
    )
    select coalesce(c.id, r.id) as "organizationId", coalesce(c.request_id, r.request_id) as subject,
      coalesce(c.nanos::text, 'none') as expected, coalesce(r.nanos::text, 'none') as found
    from charged c full join recorded r on r.id = c.id and r.request_id = c.request_id
    where c.nanos is distinct from r.nanos
      and (c.is_settled or c.at < now() - make_interval(secs => ${asked.graceMs}::double precision / 1000)) is not false
    order by 1, 2
    limit ${asked.limit}`
  return readRows(db, statement, DifferingRequest)
}
