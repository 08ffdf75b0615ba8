import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { isCapped } from '../../schema/api-keys.ts'
import { readRows } from '../../statements.ts'

/**
 * Tells of the keys that have spent what they may in the day or month (UTC) that `day` falls into, each once in a period, also by two at once. Answers
 * whom it told. A key that may spend nothing reaches no limit, since it spends nothing.
 */
export async function raiseKeyLimits(db: Db, day: string): Promise<string[]> {
  const statement = sql`
    with capped as (
      select k.id, k.organization_id, k.name, k.redacted, (k.limits ->> 'spendPerDayNanos')::bigint as day_nanos,
        (k.limits ->> 'spendPerMonthNanos')::bigint as month_nanos
      from api_keys k join organizations o on o.id = k.organization_id and o.deleted_at is null
      where k.revoked_at is null and ${sql.raw(isCapped('k.limits'))}
    ), spent as (
      select u.organization_id, u.key_id, sum(u.cost_nanos) filter (where u.day = ${day}::date) as day_nanos, sum(u.cost_nanos) as month_nanos
      from (select distinct organization_id from capped) c join usage_daily u on u.organization_id = c.organization_id
      where u.day between date_trunc('month', ${day}::timestamp)::date and ${day}::date
      group by 1, 2
    ), reached as (
      select c.*, p.period, p.limit_nanos, p.spent_nanos
      from capped c join spent s on s.organization_id = c.organization_id and s.key_id = c.id
      cross join lateral (values
        (${day}::text, c.day_nanos, s.day_nanos),
        (left(${day}::text, 7), c.month_nanos, s.month_nanos)
      ) p (period, limit_nanos, spent_nanos)
      where p.spent_nanos >= p.limit_nanos and p.spent_nanos > 0
    ), told as (
      insert into customer_events (organization_id, type, dedupe, data)
      select r.organization_id, 'key.limit_reached', r.id || ' ' || r.period, jsonb_build_object('keyId', r.id, 'name', r.name,
        'redactedKey', r.redacted, 'period', r.period, 'limitNanos', r.limit_nanos, 'spentNanos', r.spent_nanos::bigint)
      from reached r
      where not exists (
        select from customer_events e
        where e.organization_id = r.organization_id and e.type = 'key.limit_reached' and e.dedupe = r.id || ' ' || r.period
      )
      order by r.organization_id, r.id, r.period
      on conflict do nothing
      returning organization_id
    )
    select distinct organization_id as "organizationId" from told`
  const rows = await readRows(db, statement, z.object({ organizationId: z.string() }))
  return rows.map(({ organizationId }) => organizationId)
}
