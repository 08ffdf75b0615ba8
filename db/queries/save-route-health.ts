import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

/** What a check found of one route. */
export interface RouteHealthRow {
  routeId: string
  state: 'up' | 'down'
  /** In our own words: an operator reads it, and nothing of an upstream's answer may stand in it. */
  reason: string
  failures: number
  checkedAtMs: number
  probedAtMs: number | null
}

/** Writes what a check found of each route, in one statement. A check that began later than this one is not overwritten; a route that is gone is left out. */
export async function saveRouteHealth(db: Db, rows: RouteHealthRow[]): Promise<void> {
  if (rows.length === 0) return
  const statement = sql`
    insert into route_health (route_id, state, reason, failures, checked_at, probed_at)
    select f."routeId", f.state, f.reason, f.failures, to_timestamp(f."checkedAtMs" / 1000), to_timestamp(f."probedAtMs" / 1000)
    from json_to_recordset(${JSON.stringify(rows)}::json) as f(
      "routeId" text, state text, reason text, failures int, "checkedAtMs" double precision, "probedAtMs" double precision
    ) join routes r on r.id = f."routeId"
    on conflict (route_id) do update set
      state = excluded.state, reason = excluded.reason, failures = excluded.failures, checked_at = excluded.checked_at,
      probed_at = excluded.probed_at
    where route_health.checked_at <= excluded.checked_at`
  await readRows(db, statement, z.unknown())
}
