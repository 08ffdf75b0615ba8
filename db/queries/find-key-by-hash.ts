import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { AccountSnapshot } from '#shared/contracts/account.ts'
import { OwnKeys } from '#shared/contracts/provider-credential.ts'
import type { Db } from '../client.ts'
import { apiKeys, organizations } from '../schema/index.ts'
import { readRows } from '../statements.ts'
import { ownKeysColumn } from './read-own-keys.ts'
import { snapshotColumn } from './snapshot-column.ts'

const FoundKey = z.object({ keyId: z.string(), organizationId: z.string(), ownKeys: OwnKeys, snapshot: AccountSnapshot })
export type FoundKey = z.infer<typeof FoundKey>

/** The key with this hash, its customer's account and provider credentials, in one statement; null when there is none or it is revoked. */
export async function findKeyByHash(db: Db, keyHash: string): Promise<FoundKey | null> {
  const statement = sql`
    select ${apiKeys.id} as "keyId", ${organizations.id} as "organizationId", ${ownKeysColumn} as "ownKeys", ${snapshotColumn} as snapshot
    from ${apiKeys} join ${organizations} on ${organizations.id} = ${apiKeys.organizationId}
    where ${apiKeys.keyHash} = ${keyHash} and ${apiKeys.revokedAt} is null`
  const [found] = await readRows(db, statement, FoundKey)
  return found ?? null
}
