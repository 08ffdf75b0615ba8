import type { InvitationRow } from '#db/queries/organizations/read-invitations.ts'
import { mayGrant } from '#shared/access/roles.ts'
import type { Invitation } from '#shared/contracts/api/invitations.ts'

/** Whether an invitation still lets somebody in: it does not once its time is over, or who sent it may no longer give its role. */
export function isOpen({ isExpired, inviterRole, role }: Pick<InvitationRow, 'isExpired' | 'inviterRole' | 'role'>): boolean {
  return !isExpired && inviterRole !== null && mayGrant(inviterRole, role)
}

export function invitationOf(row: InvitationRow): Invitation {
  const { invitationId, email, role, inviterName, expiresAtMs, createdAtMs } = row
  return {
    invitationId,
    email,
    role,
    invitedBy: inviterName,
    status: isOpen(row) ? 'open' : 'lapsed',
    expiresAt: new Date(expiresAtMs).toISOString(),
    createdAt: new Date(createdAtMs).toISOString(),
  }
}
