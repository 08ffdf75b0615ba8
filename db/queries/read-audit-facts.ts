import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRows, SafeBigint } from '../statements.ts'

/** What a ledger object claims to be still open, by customer. */
export interface OpenClaims {
  organizationId: string
  /** Events that would end a hold, or that the object waits to be confirmed. */
  eventIds: string[]
}

const Facts = z.object({
  organizationId: z.string(),
  /** Null for an organization that does not exist. */
  account: z.object({ balanceNanos: z.string(), version: SafeBigint }).nullable(),
  recorded: z.array(z.object({ eventId: z.string(), atMs: z.number() })),
  parked: z.array(z.object({ eventId: z.string(), reason: z.string() })),
})
export type AuditFacts = z.infer<typeof Facts>

/** What Postgres says, at one moment, of each customer's balance and of the events its object named. */
export function readAuditFacts(db: Db, claims: OpenClaims[]): Promise<AuditFacts[]> {
  const statement = sql`
    select c.id as "organizationId",
      (select json_build_object('balanceNanos', o.balance_nanos::text, 'version', o.balance_version) from organizations o where o.id = c.id)
        as account,
      coalesce((
        select json_agg(json_build_object('eventId', e.event_id, 'atMs', extract(epoch from e.created_at) * 1000))
        from ledger_entries e where e.event_id in (select json_array_elements_text(c.events)) and e.organization_id = c.id
      ), '[]') as recorded,
      coalesce((
        select json_agg(json_build_object('eventId', p.event_id, 'reason', p.reason))
        from parked_events p where p.event_id in (select json_array_elements_text(c.events))
      ), '[]') as parked
    from json_to_recordset(${JSON.stringify(claims.map(({ organizationId, eventIds }) => ({ id: organizationId, events: eventIds })))}::json)
      as c(id text, events json)`
  return readRows(db, statement, Facts)
}
