import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { DialectName, UpstreamKind } from '#shared/contracts/dialect.ts'
import type { Db } from '../client.ts'
import { readRows, SafeBigint } from '../statements.ts'

const ListedRoute = z.object({
  routeId: z.string(),
  modelId: z.string(),
  upstream: z.string(),
  kind: UpstreamKind,
  baseUrl: z.string(),
  /** Name of an entry in the Worker's secret UPSTREAM_CREDENTIALS. */
  credential: z.string(),
  upstreamModel: z.string(),
  dialects: z.array(DialectName),
  priority: z.int(),
  weight: z.int(),
  /** What the last check found; null for a route that was never checked, which counts as up. */
  state: z.enum(['up', 'down']).nullable(),
  reason: z.string().nullable(),
  failures: z.int(),
  checkedAtMs: SafeBigint.nullable(),
  probedAtMs: SafeBigint.nullable(),
})
export type ListedRoute = z.infer<typeof ListedRoute>

/** Every route that is switched on, with its upstream and its model, and its health; in the order in which a model's routes are tried. */
export function listRoutes(db: Db): Promise<ListedRoute[]> {
  return readRows(db, statement, ListedRoute)
}

const statement = sql`
  select r.id as "routeId", m.id as "modelId", u.id as upstream, u.kind, u.base_url as "baseUrl", u.credential,
    r.upstream_model as "upstreamModel", r.dialects, r.priority, r.weight, h.state, h.reason, coalesce(h.failures, 0) as failures,
    floor(extract(epoch from h.checked_at) * 1000)::bigint as "checkedAtMs",
    floor(extract(epoch from h.probed_at) * 1000)::bigint as "probedAtMs"
  from routes r join upstreams u on u.id = r.upstream_id join models m on m.id = r.model_id left join route_health h on h.route_id = r.id
  where r.enabled and u.enabled and m.enabled
  order by m.id, r.priority, r.id`
