import type { Db } from '#db/client.ts'
import { type LockedOrganization, lockForCaller } from '#db/queries/organizations/lock-for-caller.ts'
import { grantOf, type Permission } from '#shared/access/matrix.ts'
import type { Role } from '#shared/access/roles.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Scope } from '../caller/caller.ts'

/** An organization that nobody else changes until the transaction ends, and what the caller is in it. */
export type Locked = LockedOrganization & { role: Role }

/**
 * Locks the organization of a call and asks once more what the guard asked before: a moment ago the caller may have been removed or demoted by a change that
 * this lock waited for. Throws the 403 or 404 of the guard then.
 */
export async function lockScope(tx: Db, { organizationId, callerId }: Scope, permission: Permission): Promise<Locked> {
  const organization = await lockForCaller(tx, organizationId, callerId)
  if (!organization || organization.role === null) throw new Problem('not_found', 'There is no such organization.')
  const { role } = organization
  if (grantOf(permission, role) === 'no') throw new Problem('access_denied', `The role ${role} may not do this (${permission}).`)
  return { ...organization, role }
}

/** A personal organization has its one member, always. */
export function refusePersonal({ personal }: Pick<Locked, 'personal'>): void {
  if (personal) throw new Problem('conflict', 'A personal organization has one member. Make another organization to work with others.')
}
