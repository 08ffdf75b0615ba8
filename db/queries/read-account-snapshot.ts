import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { AccountSnapshot } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'
import { readRows } from '../statements.ts'
import { snapshotColumn } from './snapshot-column.ts'

/** A customer's account as one statement sees it; null when there is no such customer. */
export async function readAccountSnapshot(db: Db, organizationId: string): Promise<AccountSnapshot | null> {
  const statement = sql`select ${snapshotColumn} as snapshot from ${organizations} where ${organizations.id} = ${organizationId}`
  const [row] = await readRows(db, statement, z.object({ snapshot: AccountSnapshot }))
  return row?.snapshot ?? null
}
