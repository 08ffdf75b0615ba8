import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint, timestampOf } from '../../statements.ts'

const Overdue = z.object({ organizationId: z.string(), untilMs: SafeBigint })
const Last = z.object({ lastMs: SafeBigint.nullable() })

/**
 * Deletes about `limit` lines of the request log that are older than their organizations keep them, and tells how many: again until it is fewer. Those of one
 * millisecond go together. Records, sums and entries stay. An organization that says nothing keeps its lines.
 */
export async function purgeRequestLogs(db: Db, limit: number): Promise<number> {
  let purged = 0
  for (const overdue of await readRows(db, overdueStatement(limit), Overdue)) {
    if (purged >= limit) break
    const [end] = await readRows(db, lastStatement({ ...overdue, limit: limit - purged }), Last)
    // Both ends are given, so that the plan is one of their months and of the key in it.
    if (end && end.lastMs !== null) purged += (await readRows(db, deletion({ ...overdue, lastMs: end.lastMs }), z.unknown())).length
  }
  return purged
}

/** Customers that have a line which is too old; each has at least one, so `limit` of them are enough. */
function overdueStatement(limit: number): SQL {
  return sql`
    select o.id as "organizationId", floor(extract(epoch from now() - make_interval(days => o.log_retention_days)) * 1000)::bigint as "untilMs"
    from organizations o cross join lateral (
      select 1 from request_logs
      where organization_id = o.id and created_at < now() - make_interval(days => o.log_retention_days)
      order by created_at limit 1
    ) old
    where o.log_retention_days is not null
    limit ${limit}`
}

/** When the last of the oldest `limit` lines was that are too old. */
function lastStatement({ organizationId, untilMs, limit }: { organizationId: string; untilMs: number; limit: number }): SQL {
  return sql`
    select round(extract(epoch from max(created_at)) * 1000)::bigint as "lastMs" from (
      select created_at from request_logs
      where organization_id = ${organizationId} and created_at < ${timestampOf(untilMs)}
      order by created_at limit ${limit}
    ) oldest`
}

function deletion({ organizationId, lastMs }: { organizationId: string; lastMs: number }): SQL {
  return sql`
    delete from request_logs where organization_id = ${organizationId} and created_at <= ${timestampOf(lastMs)}
    returning 1`
}
