import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/**
 * Deletes at most `limit` deliveries that ended before `keptDays`, with their attempts; answers how many. Those that still wait after that time, which only
 * those of a paused endpoint do, go as well.
 */
export async function deleteOldDeliveries(db: Db, keptDays: number, limit: number): Promise<number> {
  const statement = sql`
    with gone as (
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries where coalesce(finished_at, created_at) < now() - make_interval(days => ${keptDays}) limit ${limit}
      ) returning 1
    )
    select count(*) as deleted from gone`
  const [row] = await readRows(db, statement, z.object({ deleted: SafeBigint }))
  return row?.deleted ?? 0
}
