import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'
import { lockOrganizations } from './lock-organizations.ts'

/** Replaces the limits of a living key. Answers with those it had; null when the customer has no such key. */
export async function setKeyLimits(
  db: Db,
  key: { organizationId: string; keyId: string; limits: Limits },
): Promise<{ limits: Limits } | null> {
  const change = sql`
    with changed as (
      update api_keys k set limits = ${JSON.stringify(key.limits)}::jsonb
      where k.id = ${key.keyId} and k.organization_id = ${key.organizationId} and k.revoked_at is null
      returning k.organization_id, (select b.limits from api_keys b where b.id = k.id) as limits
    )
    update organizations o set balance_version = o.balance_version + 1
    from changed c where o.id = c.organization_id
    returning c.limits`
  const [row] = await readRowsAtomically(db, [lockOrganizations([key.organizationId]), change], z.object({ limits: Limits }))
  return row ?? null
}
