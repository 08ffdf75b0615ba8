import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'
import { bookingMs, monthWindow } from './month-window.ts'

/** UTC months in which anything was booked for a customer, such as `2026-01`, the newest first. */
export async function listStatementMonths(db: Db, organizationId: string): Promise<string[]> {
  const margin = sql`make_interval(secs => ${bookingMs / 1_000})`
  const end = (order: 'asc' | 'desc') => sql`(
    select e.created_at from ledger_entries e where e.organization_id = ${organizationId} order by e.id ${sql.raw(order)} limit 1
  )`
  const statement = sql`
    select to_char(m.start, 'YYYY-MM') as month
    from generate_series(
      date_trunc('month', (${end('asc')} - ${margin}) at time zone 'UTC'), (${end('desc')} + ${margin}) at time zone 'UTC', interval '1 month'
    ) m (start)
    cross join lateral (select m.start at time zone 'UTC' as "from", (m.start + interval '1 month') at time zone 'UTC' as "to") p
    cross join lateral ${monthWindow(organizationId, sql`p."from"`, sql`p."to"`)} w
    where exists (
      select 1 from ledger_entries e where e.organization_id = ${organizationId} and e.id > w.after_id and e.id <= w.through_id
        and e.created_at >= p."from" and e.created_at < p."to"
    )
    order by m.start desc`
  return (await readRows(db, statement, z.object({ month: z.string() }))).map(({ month }) => month)
}
