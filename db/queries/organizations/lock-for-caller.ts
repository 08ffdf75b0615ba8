import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { Role } from '#shared/access/roles.ts'
import { Limits } from '#shared/contracts/account.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'
import { lockOrganizations } from '../lock-organizations.ts'

const Locked = z.object({
  name: z.string(),
  personal: z.boolean(),
  status: z.enum(['active', 'suspended']),
  balanceNanos: SafeBigint,
  limits: Limits,
  requireTwoFactor: z.boolean(),
  /** What the caller is in it by now; null when they no longer belong to it. */
  role: Role.nullable(),
})
export type LockedOrganization = z.infer<typeof Locked>

/**
 * Locks an organization until the transaction ends and reads it with what the caller is in it: everything that changes members or invitations waits for this
 * lock, so that what is read here still holds when it is acted on. Null when there is no such organization, or no longer.
 */
export async function lockForCaller(tx: Db, organizationId: string, callerId: string): Promise<LockedOrganization | null> {
  await tx.execute(lockOrganizations([organizationId]))
  const statement = sql`
    select o.name, o.personal, o.status, o.balance_nanos as "balanceNanos", o.limits, o.require_two_factor as "requireTwoFactor",
      coalesce(m.role, k.role) as role
    from organizations o
    left join memberships m on m.organization_id = o.id and m.user_id = ${callerId}
    left join management_keys k on k.organization_id = o.id and k.id = ${callerId} and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
    where o.id = ${organizationId} and o.deleted_at is null`
  const [row] = await readRows(tx, statement, Locked)
  return row ?? null
}
