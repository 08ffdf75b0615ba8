import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically, SafeBigint } from '../statements.ts'
import { lockOrganizations } from './lock-organizations.ts'

/** Replaces the limits of a living key. Answers the account's new version; null when the customer has no such key. */
export async function setKeyLimits(db: Db, key: { organizationId: string; keyId: string; limits: Limits }): Promise<number | null> {
  const change = sql`
    with changed as (
      update api_keys set limits = ${JSON.stringify(key.limits)}::jsonb
      where id = ${key.keyId} and organization_id = ${key.organizationId} and revoked_at is null
      returning organization_id
    )
    update organizations o set balance_version = o.balance_version + 1
    from changed c where o.id = c.organization_id
    returning o.balance_version as version`
  const [row] = await readRowsAtomically(db, [lockOrganizations([key.organizationId]), change], z.object({ version: SafeBigint }))
  return row?.version ?? null
}
