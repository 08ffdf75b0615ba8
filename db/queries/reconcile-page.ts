import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Finding } from '#shared/contracts/reconciliation.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

/** Customers by id: those after `afterId`, up to `untilId`; null has no end. Also such as have usage and do not exist. */
export interface CustomerRange {
  afterId: string
  untilId: string | null
}

const PageFinding = Finding.extend({ kind: z.enum(['balance_differs', 'daily_differs', 'hourly_differs', 'record_differs']) })
export type PageFinding = z.infer<typeof PageFinding>

/**
 * Compares in one statement, and so at one moment: balances with the sums of entries, and daily and hourly sums with those of records. Of
 * use it tells, as `record_differs` without a subject, for which customers entries and records differ; findDifferingRequests names them.
 */
export function reconcilePage(db: Db, range: CustomerRange): Promise<PageFinding[]> {
  const within = sql`organization_id > ${range.afterId} and (${range.untilId}::text is null or organization_id <= ${range.untilId})`
  const statement = sql`
    with entries as (
      select organization_id as id, sum(amount_nanos) as nanos,
        coalesce(sum(amount_nanos) filter (where kind in ('settlement', 'adjustment')), 0) as usage_nanos
      from ledger_entries where ${within} group by 1
    ), records as materialized (
      select organization_id as id, date_trunc('hour', settled_at, 'UTC') as hour, key_id, model, sum(cost_nanos) as nanos
      from usage_records where ${within} group by 1, 2, 3, 4
    ), days as (
      select id, (hour at time zone 'UTC')::date as day, key_id, model, sum(nanos) as nanos from records group by 1, 2, 3, 4
    ), costs as (
      select id, sum(nanos) as nanos from records group by 1
    ), daily as (
      select organization_id as id, day, key_id, model, cost_nanos as nanos from usage_daily where ${within}
    ), hourly as (
      select organization_id as id, hour, key_id, model, cost_nanos as nanos from usage_hourly where ${within}
    ), balances as (
      select id, balance_nanos as nanos from (select *, id as organization_id from organizations) o where ${within}
    )
    select coalesce(b.id, e.id) as "organizationId", 'balance_differs' as kind, null as subject,
      coalesce(e.nanos, 0)::text as expected, coalesce(b.nanos, 0)::text as found
    from balances b full join entries e on e.id = b.id
    where coalesce(e.nanos, 0) <> coalesce(b.nanos, 0)
    union all
    select coalesce(e.id, c.id), 'record_differs', null, (-coalesce(e.usage_nanos, 0))::text, coalesce(c.nanos, 0)::text
    from entries e full join costs c on c.id = e.id
    where coalesce(e.usage_nanos, 0) + coalesce(c.nanos, 0) <> 0
    union all
    select coalesce(r.id, d.id), 'daily_differs',
      concat_ws(' ', coalesce(r.day, d.day), coalesce(r.key_id, d.key_id), coalesce(r.model, d.model)),
      coalesce(r.nanos, 0)::text, coalesce(d.nanos, 0)::text
    from days r full join daily d on d.id = r.id and d.day = r.day and d.key_id = r.key_id and d.model = r.model
    where coalesce(r.nanos, 0) <> coalesce(d.nanos, 0)
    union all
    select coalesce(r.id, h.id), 'hourly_differs',
      concat_ws(' ', to_char(coalesce(r.hour, h.hour) at time zone 'UTC', 'YYYY-MM-DD"T"HH24"Z"'), coalesce(r.key_id, h.key_id), coalesce(r.model, h.model)),
      coalesce(r.nanos, 0)::text, coalesce(h.nanos, 0)::text
    from records r full join hourly h on h.id = r.id and h.hour = r.hour and h.key_id = r.key_id and h.model = r.model
    where coalesce(r.nanos, 0) <> coalesce(h.nanos, 0)
    order by 1, 2, 3`
  return readRows(db, statement, PageFinding)
}
