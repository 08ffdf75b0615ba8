import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRowsAtomically, SafeBigint } from '../statements.ts'
import { isUnrevoked, type KeyReference } from './keys/key-reference.ts'
import { lockOrganizations } from './lock-organizations.ts'

const Revoked = z.object({ version: SafeBigint, name: z.string(), redacted: z.string() })

/** Ends a key for good. Answers what it was called, with the account's new version; null when the customer has no such key, or it is revoked already. */
export async function revokeApiKey(db: Db, key: KeyReference): Promise<z.infer<typeof Revoked> | null> {
  const revocation = sql`
    with revoked as (
      update api_keys k set revoked_at = now() where ${isUnrevoked(key)}
      returning organization_id, name, redacted
    )
    update organizations o set balance_version = o.balance_version + 1
    from revoked r where o.id = r.organization_id
    returning o.balance_version as version, r.name, r.redacted`
  const [row] = await readRowsAtomically(db, [lockOrganizations([key.organizationId]), revocation], Revoked)
  return row ?? null
}
