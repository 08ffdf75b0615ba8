import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

/** Sums are text: those of a whole platform pass a safe integer. */
const Difference = z.object({
  organizationId: z.string(),
  balanceNanos: z.string(),
  /** Sum of all entries; differs from the balance when money was lost or doubled. */
  entriesNanos: z.string(),
  /** Sum of the entries of use; plus `recordsNanos` it is zero. */
  usageEntriesNanos: z.string(),
  recordsNanos: z.string(),
  dailyNanos: z.string(),
  hourlyNanos: z.string(),
})
export type Difference = z.infer<typeof Difference>

/** The customers, or the one named, whose balance, ledger entries, usage records, daily and hourly sums disagree by even one nano. */
export function reconcile(db: Db, organizationId?: string): Promise<Difference[]> {
  const only = organizationId ?? null
  const statement = sql`
    with entries as (
      select organization_id as id, sum(amount_nanos) as nanos,
        coalesce(sum(amount_nanos) filter (where kind in ('settlement', 'adjustment')), 0) as usage_nanos
      from ledger_entries where ${only}::text is null or organization_id = ${only} group by 1
    ), records as (
      select organization_id as id, sum(cost_nanos) as nanos
      from usage_records where ${only}::text is null or organization_id = ${only} group by 1
    ), daily as (
      select organization_id as id, sum(cost_nanos) as nanos
      from usage_daily where ${only}::text is null or organization_id = ${only} group by 1
    ), hourly as (
      select organization_id as id, sum(cost_nanos) as nanos
      from usage_hourly where ${only}::text is null or organization_id = ${only} group by 1
    ), sums as (
      select coalesce(o.id, e.id, r.id, d.id, h.id) as id, coalesce(o.balance_nanos, 0) as balance, coalesce(e.nanos, 0) as entries,
        coalesce(e.usage_nanos, 0) as usage_entries, coalesce(r.nanos, 0) as records, coalesce(d.nanos, 0) as daily,
        coalesce(h.nanos, 0) as hourly
      from (select * from organizations where ${only}::text is null or id = ${only}) o
      full join entries e on e.id = o.id
      full join records r on r.id = coalesce(o.id, e.id)
      full join daily d on d.id = coalesce(o.id, e.id, r.id)
      full join hourly h on h.id = coalesce(o.id, e.id, r.id, d.id)
    )
    select id as "organizationId", balance::text as "balanceNanos", entries::text as "entriesNanos",
      usage_entries::text as "usageEntriesNanos", records::text as "recordsNanos", daily::text as "dailyNanos",
      hourly::text as "hourlyNanos"
    from sums
    where balance <> entries or usage_entries + records <> 0 or records <> daily or records <> hourly
    order by id`
  return readRows(db, statement, Difference)
}
