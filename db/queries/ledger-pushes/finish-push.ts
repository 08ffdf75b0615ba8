import { sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'

/** Takes a customer out of the outbox, unless a newer change than this version waits there. */
export async function finishLedgerPush(db: Db, organizationId: string, version: number): Promise<void> {
  await db.execute(sql`delete from ledger_pushes where organization_id = ${organizationId} and version <= ${version}`)
}
