import type { Db } from '#db/client.ts'
import { type Membership, readMembership, removeMembership, setRole } from '#db/queries/organizations/memberships.ts'
import { isAbove, mayGrant, type Role } from '#shared/access/roles.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope, refusePersonal } from './lock-scope.ts'

/** Gives a member another role; the caller must be allowed to give both that and the one it takes the place of. */
export async function changeRole(platform: Platform, scope: Scope, { userId, role }: { userId: string; role: Role }): Promise<void> {
  const { organizationId } = scope
  await platform.transact(async (tx) => {
    const caller = await lockScope(tx, scope, 'members.change_role')
    const member = await findMember(tx, organizationId, userId)
    for (const each of [member.role, role])
      if (!mayGrant(caller.role, each)) throw new Problem('access_denied', `The role ${caller.role} may not give or take the role ${each}.`)
    if (role !== 'owner') refuseLastOwner(member)
    await setRole(tx, organizationId, userId, role)
    await recordChange(tx, platform.actor, { ...changeOf(scope, userId, 'role_changed'), before: { role: member.role }, after: { role } })
  })
}

/** Takes somebody who stands below the caller out of the organization; owners may do so with each other. */
export async function removeMember(platform: Platform, scope: Scope, userId: string): Promise<void> {
  const { organizationId } = scope
  await platform.transact(async (tx) => {
    const caller = await lockScope(tx, scope, 'members.remove')
    const member = await findMember(tx, organizationId, userId)
    if (caller.role !== 'owner' && !isAbove(caller.role, member.role))
      throw new Problem('access_denied', `The role ${caller.role} may not remove the role ${member.role}.`)
    refuseLastOwner(member)
    await removeMembership(tx, organizationId, userId)
    await recordChange(tx, platform.actor, { ...changeOf(scope, userId, 'removed'), before: { role: member.role } })
    await recordEvent(tx, { organizationId, type: 'member.removed', data: { userId } })
  })
}

/** Takes the caller out of the organization, at their own wish. */
export async function leave(platform: Platform, scope: Scope): Promise<void> {
  const { organizationId, callerId } = scope
  await platform.transact(async (tx) => {
    refusePersonal(await lockScope(tx, scope, 'organization.leave'))
    const member = await findMember(tx, organizationId, callerId)
    refuseLastOwner(member)
    await removeMembership(tx, organizationId, callerId)
    await recordChange(tx, platform.actor, { ...changeOf(scope, callerId, 'left'), before: { role: member.role } })
    await recordEvent(tx, { organizationId, type: 'member.removed', data: { userId: callerId } })
  })
}

/** Makes another member an owner in the place of the caller, who becomes an admin: both or neither. */
export async function transfer(platform: Platform, scope: Scope, userId: string): Promise<void> {
  const { organizationId, callerId } = scope
  await platform.transact(async (tx) => {
    refusePersonal(await lockScope(tx, scope, 'organization.transfer'))
    if (userId === callerId) throw new Problem('conflict', 'You own the organization already. Name another member.')
    const member = await findMember(tx, organizationId, userId)
    await setRole(tx, organizationId, userId, 'owner')
    await setRole(tx, organizationId, callerId, 'admin')
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.transferred',
      target: { type: 'organization', id: organizationId },
      before: { [callerId]: 'owner', [userId]: member.role },
      after: { [callerId]: 'admin', [userId]: 'owner' },
    })
  })
}

async function findMember(tx: Db, organizationId: string, userId: string): Promise<Membership> {
  const member = await readMembership(tx, organizationId, userId)
  if (!member) throw new Problem('not_found', 'The organization has no such member.')
  return member
}

function refuseLastOwner({ isLastOwner }: Membership): void {
  if (isLastOwner) throw new Problem('conflict', 'An organization keeps at least one owner. Make another member an owner first.')
}

function changeOf({ organizationId }: Scope, userId: string, what: string) {
  return { chain: { organizationId }, action: `member.${what}`, target: { type: 'member', id: userId } }
}
