import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

/** Whose key it is, and what was asked for with it. */
export interface KeyedRequest {
  scope: string
  key: string
  operation: string
  requestHash: string
}

/**
 * Takes a key in the transaction of the creation; false when it is taken. One that another transaction is just taking is waited for, until that is
 * committed or rolled back.
 */
export async function claimIdempotencyKey(tx: Db, { scope, key, operation, requestHash }: KeyedRequest): Promise<boolean> {
  const statement = sql`
    insert into idempotency_keys (scope, key, operation, request_hash) values (${scope}, ${key}, ${operation}, ${requestHash})
    on conflict on constraint idempotency_keys_pk do nothing returning true as claimed`
  return (await readRows(tx, statement, z.object({ claimed: z.boolean() }))).length > 0
}
