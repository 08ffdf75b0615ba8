import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Granularity, Grouping } from '#shared/contracts/api/usage.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'

export interface UsageQuestion {
  organizationId: string
  /** Whole hours, or for all other granularities whole days, of UTC. */
  fromMs: number
  toMs: number
  granularity: Granularity
  groupBy: Grouping
  /** Only these keys; null has all. */
  keyIds: string[] | null
  model: string | null
  /** Most points to read; null reads all. */
  limit: number | null
}

const Point = z.object({
  startMs: SafeBigint,
  groupId: z.string().nullable(),
  groupName: z.string().nullable(),
  requests: SafeBigint,
  inputTokens: SafeBigint,
  cacheReadTokens: SafeBigint,
  cacheWrite5mTokens: SafeBigint,
  cacheWrite1hTokens: SafeBigint,
  outputTokens: SafeBigint,
  reasoningTokens: SafeBigint,
  costNanos: SafeBigint,
})
export type UsagePoint = z.infer<typeof Point>

/** What a customer used, in order of time and then of cost: from `usage_hourly` by hours, else from `usage_daily`, and never from records. */
export function readUsage(db: Db, question: UsageQuestion): Promise<UsagePoint[]> {
  return readRows(db, usageStatement(question), Point)
}

/** Its own function, so that a test can have it explained. */
export function usageStatement(question: UsageQuestion): SQL {
  const { organizationId, keyIds, model, granularity, groupBy } = question
  const { table, start, within } = sourceOf(question)
  const { part, join, id, name } = groupings[groupBy]
  return sql`
    with summed as (
      select ${start} as start, ${part} as part, sum(requests) as requests, sum(input_tokens) as input_tokens,
        sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens, sum(output_tokens) as output_tokens,
        sum(reasoning_tokens) as reasoning_tokens, sum(cost_nanos) as cost_nanos
      from ${table} where organization_id = ${organizationId} and ${within}
        ${keyIds === null ? sql`` : sql`and key_id = any(${sql.param(keyIds)}::text[])`} ${model === null ? sql`` : sql`and model = ${model}`}
      group by 1, 2
    )
    select ${granularity === 'total' ? sql`${question.fromMs}::bigint` : sql`round(extract(epoch from s.start) * 1000)::bigint`} as "startMs",
      ${id} as "groupId", ${name} as "groupName", sum(s.requests) as requests, sum(s.input_tokens) as "inputTokens",
      sum(s.cache_read_tokens) as "cacheReadTokens", sum(s.cache_write_5m_tokens) as "cacheWrite5mTokens",
      sum(s.cache_write_1h_tokens) as "cacheWrite1hTokens", sum(s.output_tokens) as "outputTokens",
      sum(s.reasoning_tokens) as "reasoningTokens", sum(s.cost_nanos) as "costNanos"
    from summed s ${join({ organizationId })}
    group by 1, 2, 3
    order by 1, sum(s.cost_nanos) desc, 2
    limit ${question.limit}`
}

/** The table that has the sums, the beginning of a point's time, and the condition of the period. */
function sourceOf({ granularity, fromMs, toMs }: UsageQuestion): { table: SQL; start: SQL; within: SQL } {
  if (granularity === 'hour') {
    return { table: sql`usage_hourly`, start: sql`hour`, within: sql`hour >= ${timestampOf(fromMs)} and hour < ${timestampOf(toMs)}` }
  }
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString().slice(0, 10))
  const starts = {
    day: sql`day::timestamp at time zone 'UTC'`,
    month: sql`date_trunc('month', day::timestamp) at time zone 'UTC'`,
    total: sql`null::timestamptz`,
  }
  return { table: sql`usage_daily`, start: starts[granularity], within: sql`day >= ${from}::date and day < ${to}::date` }
}

interface GroupingSql {
  /** What sums are made of first, before anything is joined. */
  part: SQL
  join(of: { organizationId: string }): SQL
  id: SQL
  name: SQL
}

const keysOf: GroupingSql['join'] = ({ organizationId }) =>
  sql`left join api_keys k on k.id = s.part and k.organization_id = ${organizationId}`

const groupings: Record<Grouping, GroupingSql> = {
  none: { part: sql`null::text`, join: () => sql``, id: sql`null::text`, name: sql`null::text` },
  model: { part: sql`model`, join: () => sql`left join models m on m.id = s.part`, id: sql`s.part`, name: sql`m.display_name` },
  key: { part: sql`key_id`, join: keysOf, id: sql`s.part`, name: sql`k.name` },
  // Who made a key may also be an operator, whose name is not for customers.
  member: {
    part: sql`key_id`,
    join: ({ organizationId }) => sql`${keysOf({ organizationId })} left join users p on p.id = k.created_by
      left join management_keys g on g.id = k.created_by and g.organization_id = k.organization_id`,
    id: sql`coalesce(p.id, g.id)`,
    name: sql`coalesce(p.name, g.name)`,
  },
  kind: {
    part: sql`model`,
    join: () => sql`left join models m on m.id = s.part`,
    id: sql`coalesce(m.kind, 'other')`,
    name: sql`null::text`,
  },
}
