import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

/**
 * Notes in the transaction of a change that the customer's ledger object has to be told of it. Answers with the version it has to hear of; null when there
 * is no such customer. `delayMs` is how long whoever makes the change may take to tell the object by itself.
 */
export async function queueLedgerPush(tx: Db, organizationId: string, delayMs: number): Promise<number | null> {
  const statement = sql`
    insert into ledger_pushes as p (organization_id, version, due_at)
    select o.id, o.balance_version, now() + make_interval(secs => ${delayMs / 1_000}) from organizations o where o.id = ${organizationId}
    on conflict (organization_id) do update set version = greatest(p.version, excluded.version), due_at = least(p.due_at, excluded.due_at)
    returning version`
  const [row] = await readRows(tx, statement, z.object({ version: SafeBigint }))
  return row?.version ?? null
}
