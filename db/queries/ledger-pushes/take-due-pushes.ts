import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

/** Customers whose push is overdue. Each is put off, longer with every attempt, so that one whose object does not answer holds up no other. */
export async function takeDueLedgerPushes(db: Db, limit: number): Promise<string[]> {
  const statement = sql`
    update ledger_pushes p set attempts = p.attempts + 1, due_at = now() + make_interval(secs => least(600, 10 * power(2, least(p.attempts, 10))))
    from (select organization_id from ledger_pushes where due_at <= now() order by due_at limit ${limit} for update skip locked) due
    where p.organization_id = due.organization_id
    returning p.organization_id as "organizationId"`
  const rows = await readRows(db, statement, z.object({ organizationId: z.string() }))
  return rows.map(({ organizationId }) => organizationId)
}
