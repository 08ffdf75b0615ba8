import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { AccountSnapshot } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { apiKeys, organizations } from '../schema/index.ts'
import { readRows } from '../statements.ts'
import { snapshotColumn } from './snapshot-column.ts'

const FoundKey = z.object({ keyId: z.string(), organizationId: z.string(), snapshot: AccountSnapshot })
export type FoundKey = z.infer<typeof FoundKey>

/** The key with this hash and its customer's account, in one statement; null when there is none or it is revoked. */
export async function findKeyByHash(db: Db, keyHash: string): Promise<FoundKey | null> {
  const statement = sql`
    select ${apiKeys.id} as "keyId", ${organizations.id} as "organizationId", ${snapshotColumn} as snapshot
    from ${apiKeys} join ${organizations} on ${organizations.id} = ${apiKeys.organizationId}
    where ${apiKeys.keyHash} = ${keyHash} and ${apiKeys.revokedAt} is null`
  const [found] = await readRows(db, statement, FoundKey)
  return found ?? null
}
