import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const Purged = z.object({ purged: SafeBigint })

/**
 * Deletes at most `limit` lines of the request log that are older than their organizations keep them, oldest first, and tells how many: again until it is
 * fewer. Records, sums and entries stay. An organization that says nothing keeps its lines.
 */
export async function purgeRequestLogs(db: Db, limit: number): Promise<number> {
  const [row] = await readRows(db, purgeStatement(limit), Purged)
  return row?.purged ?? 0
}

/** Its own function, so that a test can have it explained. A month without an old line is known by its bounds and not read. */
export function purgeStatement(limit: number) {
  return sql`
    with old as materialized (
      select l.organization_id, l.created_at, l.request_id from organizations o cross join lateral (
        select * from request_logs
        where organization_id = o.id and created_at < now() - make_interval(days => o.log_retention_days)
        order by created_at limit ${limit}
      ) l
      where o.log_retention_days is not null
      limit ${limit}
    ), purged as (
      delete from request_logs l using old
      where l.organization_id = old.organization_id and l.created_at = old.created_at and l.request_id = old.request_id
      returning 1
    )
    select count(*) as purged from purged`
}
