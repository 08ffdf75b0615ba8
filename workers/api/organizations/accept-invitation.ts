import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { endInvitation } from '#db/queries/organizations/invitations.ts'
import { addMembership } from '#db/queries/organizations/memberships.ts'
import { findInvitation, type InvitationRow } from '#db/queries/organizations/read-invitations.ts'
import type { Role } from '#shared/access/roles.ts'
import type { InvitationPreview } from '#shared/contracts/api/invitations.ts'
import { redactEmail } from '#shared/values/email.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { verifyMailLink } from '../identity/mail-links.ts'
import { invitationOf, isOpen } from './invitation-view.ts'

/** What the link of an invitation leads to. Throws 410 when it leads nowhere any more. */
export async function previewInvitation(surroundings: Surroundings, token: string): Promise<InvitationPreview> {
  const invitation = await openInvitation(surroundings.db, await idOf(surroundings, token))
  const { role, invitedBy, expiresAt, email } = invitationOf(invitation)
  return { organizationName: invitation.organizationName, role, invitedBy, email: redactEmail(email), expiresAt }
}

/** Makes a person a member by the link that was mailed to them, once; answers which organization, and what they are in it. */
export async function acceptInvitation(
  surroundings: Surroundings,
  platform: Platform,
  person: Person,
  token: string,
): Promise<{ organizationId: string; role: Role }> {
  const invitationId = await idOf(surroundings, token)
  return platform.transact(async (tx) => {
    const { organizationId } = await openInvitation(tx, invitationId)
    await tx.execute(lockOrganizations([organizationId]))
    const invitation = await openInvitation(tx, invitationId)
    refuseOther(invitation, person)
    const { role } = invitation
    if (!(await addMembership(tx, { organizationId, userId: person.userId, role })))
      throw new Problem('conflict', 'You belong to the organization already.')
    await endInvitation(tx, invitationId, { acceptedAt: new Date() })
    const target = { type: 'member', id: person.userId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'member.joined', target, after: { role, invitationId } })
    await recordEvent(tx, { organizationId, type: 'member.added', data: { userId: person.userId, role } })
    return { organizationId, role }
  })
}

async function idOf(surroundings: Surroundings, token: string): Promise<string> {
  const id = await verifyMailLink(surroundings, token)
  if (id === null) throw spent()
  return id
}

async function openInvitation(db: Db, invitationId: string): Promise<InvitationRow> {
  const invitation = await findInvitation(db, invitationId)
  if (!invitation || !isOpen(invitation)) throw spent()
  return invitation
}

/** Nobody joins by a link that was passed on, or before it is known that the address is theirs. */
function refuseOther({ email, isSuspended }: InvitationRow, person: Person): void {
  if (!person.isEmailVerified) throw new Problem('access_denied', 'Verify the address of your account first, then open the link again.')
  if (person.email !== email)
    throw new Problem(
      'access_denied',
      'The invitation was sent to another address than that of your account. Sign in with the invited one.',
    )
  if (isSuspended) throw new Problem('organization_suspended', 'The organization is suspended: nobody can join it at the moment.')
}

function spent(): Problem {
  return new Problem('link_spent', 'The invitation was accepted, taken back or replaced, or its time is over. Ask for another.')
}
