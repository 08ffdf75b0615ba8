import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../../client.ts'
import { readRows } from '../../statements.ts'

/** Whether a person can sign in at all: by a password, a passkey or an account at a provider. Lock the account first. */
export async function hasWayIn(tx: Db, userId: string): Promise<boolean> {
  const statement = sql`
    select u.password_hash is not null
      or exists (select 1 from passkeys p where p.user_id = u.id)
      or exists (select 1 from identities i where i.user_id = u.id) as "hasWayIn"
    from users u where u.id = ${userId}`
  const [row] = await readRows(tx, statement, z.object({ hasWayIn: z.boolean() }))
  return row?.hasWayIn ?? false
}
