import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'
import { wanting } from './events/wanting.ts'

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

/**
 * Writes what a check found of each route, in one transaction. A check that began later than this one is not overwritten; a route that is gone is left out.
 * A route that comes into another state is told to the customers that want to know and have used its model within thirty days. Answers whom it told.
 */
export async function saveRouteHealth(db: Db, rows: RouteHealthRow[]): Promise<string[]> {
  if (rows.length === 0) return []
  const told = await readRowsAtomically(db, [locking(rows), saving(rows)], z.object({ organizationId: z.string() }))
  return told.map(({ organizationId }) => organizationId)
}

/** Of two checks at once, the second sees what the first one saved: a change is told once. A route that was never checked has no row of its own to lock. */
function locking(rows: RouteHealthRow[]): SQL {
  const routeIds = rows.map(({ routeId }) => routeId)
  return sql`select id from routes where id = any(${sql.param(routeIds)}::text[]) order by id for no key update`
}

function saving(rows: RouteHealthRow[]): SQL {
  return sql`
    with saved as (
      insert into route_health (route_id, state, reason, failures, checked_at, probed_at)
      select f."routeId", f.state, f.reason, f.failures, to_timestamp(f."checkedAtMs" / 1000), to_timestamp(f."probedAtMs" / 1000)
      from json_to_recordset(${JSON.stringify(rows)}::json) as f(
        "routeId" text, state text, reason text, failures int, "checkedAtMs" double precision, "probedAtMs" double precision
      ) join routes r on r.id = f."routeId"
      on conflict (route_id) do update set
        state = excluded.state, reason = excluded.reason, failures = excluded.failures, checked_at = excluded.checked_at,
        probed_at = excluded.probed_at
      where route_health.checked_at <= excluded.checked_at
      returning route_id, state
    ), changed as (
      select r.model_id, r.upstream_id, s.state
      from saved s join routes r on r.id = s.route_id left join route_health before on before.route_id = s.route_id
      where s.state <> coalesce(before.state, 'up')
    ), ${wanting('route.quality_changed')}, told as (
      insert into customer_events (organization_id, type, data)
      select w.organization_id, 'route.quality_changed', jsonb_build_object('model', c.model_id, 'upstream', c.upstream_id, 'state', c.state)
      from changed c cross join wanting w
      where exists (
        select from usage_daily u where u.organization_id = w.organization_id and u.day > current_date - 30 and u.model = c.model_id
      )
      returning organization_id
    )
    select distinct organization_id as "organizationId" from told`
}
