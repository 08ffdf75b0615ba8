import { type SQL, sql } from 'drizzle-orm'

/** What is summed up of records beside their number; the same columns in `usage_hourly` and `usage_daily`. */
const sums = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nanos',
] as const

/** Raw SQL made of constants. */
function joined(write: (sum: (typeof sums)[number]) => string): SQL {
  return sql.raw(sums.map(write).join(', '))
}

const adding = sql`requests = s.requests + excluded.requests, ${joined((sum) => `${sum} = s.${sum} + excluded.${sum}`)}`

/**
 * Parts of recordUsage's statement: from `truths`, what records say now, and `replaced`, what those of before said. Adds the one and takes away the
 * other, so that the sums of an hour and a day are always those of its records.
 */
export const summingUsage = sql`
  movements as materialized (
    select organization_id, date_trunc('hour', at, 'UTC') as hour, key_id, model, sum(sign) as requests, ${joined((sum) => `coalesce(sum(sign * ${sum}), 0) as ${sum}`)}
    from (
      select 1::bigint as sign, organization_id, recorded_at as at, key_id, model, ${joined((sum) => sum)} from truths
      union all
      select -1, organization_id, settled_at, key_id, model, ${joined((sum) => sum)} from replaced
    ) changes
    group by 1, 2, 3, 4
  ),
  hourly as (
    insert into usage_hourly as s (organization_id, hour, key_id, model, requests, ${joined((sum) => sum)})
    select * from movements
    on conflict (organization_id, hour, key_id, model) do update set ${adding}
  ),
  daily as (
    insert into usage_daily as s (organization_id, day, key_id, model, requests, ${joined((sum) => sum)})
    select organization_id, (hour at time zone 'UTC')::date, key_id, model, sum(requests), ${joined((sum) => `sum(${sum})`)} from movements
    group by 1, 2, 3, 4
    on conflict (organization_id, day, key_id, model) do update set ${adding}
  )`
