import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

const DueEndpoint = z.object({ endpointId: z.string(), organizationId: z.string() })
export type DueEndpoint = z.infer<typeof DueEndpoint>

/** Active endpoints of these customers, or of all, for which something is due and to which nobody delivers; who waits longest comes first. */
export function listDueEndpoints(db: Db, organizationIds: string[] | null, limit: number): Promise<DueEndpoint[]> {
  const isMeant = organizationIds ? sql`and e.organization_id = any(${sql.param(organizationIds)}::text[])` : sql``
  // One look into the index for each endpoint, so that what waits for a paused one costs nothing.
  const statement = sql`
    select e.id as "endpointId", e.organization_id as "organizationId" from webhook_endpoints e
    cross join lateral (
      select d.due_at from webhook_deliveries d
      where d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= now() order by d.due_at limit 1
    ) first
    where e.status = 'active' and (e.leased_until is null or e.leased_until <= now()) ${isMeant}
    order by first.due_at limit ${limit}`
  return readRows(db, statement, DueEndpoint)
}
