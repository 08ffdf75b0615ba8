import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { newId } from '#shared/values/id.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/** `dlv_` and the time of a ULID, which its random digits follow. */
const timedPrefixLength = 14

const FannedOut = z.object({ events: SafeBigint, deliveries: SafeBigint })

/**
 * Hands at most `limit` waiting events of these customers, or of all, to the active endpoints that want them. An event is marked in the statement that makes its
 * deliveries, and one that another run has in hand is passed over: each is handed out once, however many run at once.
 */
export async function fanOutEvents(db: Db, organizationIds: string[] | null, limit: number): Promise<z.infer<typeof FannedOut>> {
  const isMeant = organizationIds ? sql`and organization_id = any(${sql.param(organizationIds)}::text[])` : sql``
  const statement = sql`
    with waiting as (
      select id, organization_id, type, only_endpoint_id from customer_events
      where fanned_out_at is null ${isMeant} order by id limit ${limit} for update skip locked
    ), handed as (
      insert into webhook_deliveries (id, organization_id, endpoint_id, event)
      -- Every hexadecimal digit is one of a ULID as well.
      select ${newId('dlv').slice(0, timedPrefixLength)} || right(replace(gen_random_uuid()::text, '-', ''), 16), w.organization_id, e.id, w.id
      from waiting w join webhook_endpoints e on e.organization_id = w.organization_id and e.status = 'active'
      where case when w.only_endpoint_id is null then e.event_types is null or w.type = any(e.event_types) else e.id = w.only_endpoint_id end
      on conflict (endpoint_id, event, replay) do nothing
      returning 1
    ), marked as (
      update customer_events c set fanned_out_at = now() from waiting w where c.id = w.id returning 1
    )
    select (select count(*) from marked) as events, (select count(*) from handed) as deliveries`
  const [row] = await readRows(db, statement, FannedOut)
  return row ?? { events: 0, deliveries: 0 }
}
