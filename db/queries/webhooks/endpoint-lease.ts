import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/** The right to deliver to an endpoint alone, until a moment that also tells it from every other lease of the endpoint. */
const EndpointLease = z.object({ endpointId: z.string(), organizationId: z.string(), until: z.string() })
export type EndpointLease = z.infer<typeof EndpointLease>

/** Null when somebody else delivers, or when the endpoint is paused or gone. */
export async function takeEndpointLease(db: Db, endpointId: string, leaseMs: number): Promise<EndpointLease | null> {
  const statement = sql`
    update webhook_endpoints set leased_until = now() + make_interval(secs => ${leaseMs / 1_000})
    where id = ${endpointId} and status = 'active' and (leased_until is null or leased_until <= now())
    returning id as "endpointId", organization_id as "organizationId", (extract(epoch from leased_until) * 1000000)::bigint::text as until`
  const [row] = await readRows(db, statement, EndpointLease)
  return row ?? null
}

/** Ends a lease now, or after `restMs` in which nobody is to deliver. One that has run out and was taken by somebody else is left alone. */
export async function endEndpointLease(db: Db, { endpointId, until }: EndpointLease, restMs = 0): Promise<void> {
  await db.execute(sql`
    update webhook_endpoints set leased_until = now() + make_interval(secs => ${restMs / 1_000})
    where id = ${endpointId} and (extract(epoch from leased_until) * 1000000)::bigint = ${until}::bigint`)
}

/** In how many milliseconds something is due for an active endpoint, zero or less when it is already; null when nothing waits. */
export async function nextDueInMs(db: Db, endpointId: string): Promise<number | null> {
  const statement = sql`
    select ceil(extract(epoch from d.due_at - now()) * 1000)::bigint as "dueInMs" from webhook_endpoints e
    join webhook_deliveries d on d.endpoint_id = e.id and d.status = 'pending'
    where e.id = ${endpointId} and e.status = 'active' order by d.due_at limit 1`
  const [row] = await readRows(db, statement, z.object({ dueInMs: SafeBigint }))
  return row?.dueInMs ?? null
}
