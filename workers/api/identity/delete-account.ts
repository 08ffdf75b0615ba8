import type { Db } from '#db/client.ts'
import { deleteUser } from '#db/queries/accounts/delete-user.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { listMemberships, type MembershipRow } from '#db/queries/accounts/list-memberships.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import { changeAccounts } from '#workers/services/ledger/change-account.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import { closeOrganization } from '#workers/services/organizations/close-organization.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'

/**
 * Deletes a person's account, and the organizations in which nobody is left then. Throws 409, and changes nothing, while they are the last owner of one that
 * has other members.
 */
export async function deleteAccount(platform: Platform, { userId }: Person): Promise<void> {
  const { actor } = platform
  await changeAccounts(platform, async (tx) => {
    const left = await lockMemberships(tx, userId)
    const user = await lockUser(tx, userId)
    if (!user) throw new Problem('unauthenticated', 'The account is deleted.')
    refuseOrphans(left)
    const emptied = left.filter(({ otherMembers }) => otherMembers === 0).map(({ organizationId }) => organizationId)
    for (const { organizationId, role } of left) {
      const target = { type: 'membership', id: userId }
      await recordChange(tx, actor, { chain: { organizationId }, action: 'member.left', target, before: { role } })
    }
    for (const { organizationId, otherMembers } of left)
      if (otherMembers > 0) await recordEvent(tx, { organizationId, type: 'member.removed', data: { userId } })
    for (const organizationId of emptied) await closeOrganization(tx, actor, organizationId)
    await deleteUser(tx, userId)
    await recordChange(tx, actor, { chain: { userId }, action: 'user.deleted', target: { type: 'user', id: userId } })
    if (user.email !== null) await queueMail(tx, { kind: 'notice', notice: 'account_deleted', userId, email: user.email })
    return { value: null, changed: emptied }
  })
}

/** Where the person belongs, with the locks by which nobody joins, leaves or becomes an owner there until the transaction ends. */
async function lockMemberships(tx: Db, userId: string): Promise<MembershipRow[]> {
  const named = (await listMemberships(tx, userId)).map(({ organizationId }) => organizationId)
  await tx.execute(lockOrganizations(named))
  const locked = await listMemberships(tx, userId)
  if (locked.some(({ organizationId }) => !named.includes(organizationId)))
    throw new Problem('conflict', 'The person has joined an organization meanwhile. Try again.')
  return locked
}

function refuseOrphans(memberships: MembershipRow[]): void {
  const orphans = memberships.filter(({ role, otherMembers, otherOwners }) => role === 'owner' && otherMembers > 0 && otherOwners === 0)
  if (orphans.length === 0) return
  const named = orphans.map(({ organizationId }) => organizationId).slice(0, 10)
  const detail = `You are the last owner of ${named.join(', ')}. Make another member an owner, or remove the other members, then try again.`
  throw new Problem('conflict', detail)
}
