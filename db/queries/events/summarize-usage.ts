import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'
import { wanting } from './wanting.ts'

/**
 * Tells what was used in each of some days (UTC) that are over, once: customers that have a webhook endpoint for it since before the day ended, and used
 * anything in it. Answers whom it told. For all others the usage report says the same at any time, so that no row is written for them.
 */
export async function summarizeUsage(db: Db, { firstDay, lastDay }: { firstDay: string; lastDay: string }): Promise<string[]> {
  const statement = sql`
    with ${wanting('usage.daily_summary')}, told as (
      insert into customer_events (organization_id, type, dedupe, data)
      select u.organization_id, 'usage.daily_summary', u.day::text, jsonb_build_object(
        'day', u.day::text,
        'requests', sum(u.requests)::bigint,
        'inputTokens', sum(u.input_tokens + u.cache_read_tokens + u.cache_write_5m_tokens + u.cache_write_1h_tokens)::bigint,
        'outputTokens', sum(u.output_tokens)::bigint,
        'costNanos', sum(u.cost_nanos)::bigint
      )
      from wanting w join usage_daily u on u.organization_id = w.organization_id
      where u.day between ${firstDay}::date and ${lastDay}::date and u.day >= (w.since at time zone 'UTC')::date and not exists (
        select from customer_events e where e.organization_id = u.organization_id and e.type = 'usage.daily_summary' and e.dedupe = u.day::text
      )
      group by u.organization_id, u.day having sum(u.requests) > 0
      order by u.day, u.organization_id
      on conflict do nothing
      returning organization_id
    )
    select distinct organization_id as "organizationId" from told`
  const rows = await readRows(db, statement, z.object({ organizationId: z.string() }))
  return rows.map(({ organizationId }) => organizationId)
}
