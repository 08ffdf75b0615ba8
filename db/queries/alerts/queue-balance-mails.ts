import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { isMailedEvent } from '../../schema/customer-events.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { isToldOfMoney } from '../mail/read-mail-facts.ts'

/** Puts the mails about balances and payments that nobody was written about yet into the outbox, of at most `limit` events. Answers how many events those were. */
export async function queueBalanceMails(db: Db, limit: number): Promise<number> {
  const statement = sql`
    with waiting as (
      select id from customer_events where mailed_at is null and ${isMailedEvent({ type: sql`type`, data: sql`data` })}
      order by id limit ${limit} for update skip locked
    ), taken as (
      update customer_events e set mailed_at = now() from waiting w where e.id = w.id returning e.id, e.organization_id
    ), mails as (
      insert into mail_outbox (message)
      select jsonb_build_object('kind', 'balance', 'eventId', t.id, 'userId', u.id)
      from taken t join organizations o on o.id = t.organization_id
      join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
      where ${isToldOfMoney}
    )
    select count(*) as taken from taken`
  const [row] = await readRows(db, statement, z.object({ taken: SafeBigint }))
  return row?.taken ?? 0
}
