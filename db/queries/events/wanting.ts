import { type SQL, sql } from 'drizzle-orm'
import type { CustomerEventType } from '#shared/contracts/events/types.ts'

/**
 * The part of a statement that finds who wants a type of event, for events that are made for those alone: `wanting (organization_id, since)` are the
 * customers that have an active webhook endpoint for it, and since when.
 */
export function wanting(type: CustomerEventType): SQL {
  return sql`
    wanting as (
      select e.organization_id, min(e.created_at) as since
      from webhook_endpoints e join organizations o on o.id = e.organization_id and o.deleted_at is null
      where e.status = 'active' and (e.event_types is null or ${type} = any(e.event_types))
      group by 1
    )`
}
