import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { isToldOfMoney } from '../mail/read-mail-facts.ts'

/**
 * Raises the alerts whose sum is reached in the day or month (UTC) that `day` falls into, and puts their mails into the outbox with it. Answers how many. An
 * alert is raised once in a period, also by two at once: the second waits for the row and then sees that it was. Spend from before an alert's time counts in
 * a period that the alert has seen the end of.
 */
export async function raiseSpendAlerts(db: Db, day: string): Promise<number> {
  const statement = sql`
    with due as (
      select a.id, p.first_day
      from spend_alerts a join organizations o on o.id = a.organization_id and o.deleted_at is null
      cross join lateral (select date_trunc(a.period, ${day}::timestamp)::date as first_day) p
      where (a.raised_for is null or a.raised_for < p.first_day)
        and a.created_at < (p.first_day + case a.period when 'day' then interval '1 day' else interval '1 month' end) at time zone 'UTC'
        and a.amount_nanos <= (
          select coalesce(sum(u.cost_nanos), 0) from usage_daily u
          where u.organization_id = a.organization_id and u.day between p.first_day and ${day}::date
        )
    ), raised as (
      update spend_alerts a set raised_for = due.first_day from due
      where a.id = due.id and (a.raised_for is null or a.raised_for < due.first_day)
      returning a.id, a.organization_id, a.raised_for
    ), mails as (
      insert into mail_outbox (message)
      select jsonb_build_object('kind', 'spend_alert', 'alertId', r.id, 'userId', u.id, 'period', r.raised_for::text)
      from raised r join organizations o on o.id = r.organization_id
      join memberships m on m.organization_id = o.id join users u on u.id = m.user_id
      where ${isToldOfMoney}
    )
    select count(*) as raised from raised`
  const [row] = await readRows(db, statement, z.object({ raised: SafeBigint }))
  return row?.raised ?? 0
}
