import type { Db } from '#db/client.ts'
import {
  addInvitation,
  endInvitation,
  readInvitationRoom,
  renewInvitation,
  replaceInvitation,
} from '#db/queries/organizations/invitations.ts'
import { findInvitation, type InvitationRow } from '#db/queries/organizations/read-invitations.ts'
import { mayGrant, type Role } from '#shared/access/roles.ts'
import type { Invitation, NewInvitation } from '#shared/contracts/api/invitations.ts'
import { redactEmail } from '#shared/values/email.ts'
import { newId } from '#shared/values/id.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { invitationMs, maxOpenInvitations } from '../limits.ts'
import { invitationOf } from './invitation-view.ts'
import { type Locked, lockScope, refusePersonal } from './lock-scope.ts'

/** Invites an address and mails it the link. An open invitation of the same address is taken back: its link would otherwise give the earlier role. */
export async function invite(platform: Platform, scope: Scope, { email, role }: NewInvitation): Promise<Invitation> {
  const { organizationId, callerId } = scope
  const invitationId = newId('inv')
  const row = await platform.transact(async (tx) => {
    refuseGrant(await lockInviting(tx, scope), role)
    const { isMember, open } = await readInvitationRoom(tx, organizationId, email)
    if (isMember) throw new Problem('conflict', 'The address belongs to a member already.')
    const replaced = await replaceInvitation(tx, organizationId, email)
    if (replaced === null && open >= maxOpenInvitations)
      throw new Problem('conflict', `There are ${maxOpenInvitations} open invitations already. Revoke some first.`)
    const expiresAt = new Date(Date.now() + invitationMs)
    await addInvitation(tx, { invitationId, organizationId, email, role, invitedBy: callerId, expiresAt })
    const after = { email: redactEmail(email), role, expiresAt: expiresAt.toISOString(), ...(replaced !== null && { replaces: replaced }) }
    await recordChange(tx, platform.actor, { ...changeOf(organizationId, invitationId, 'created'), after })
    await queueMail(tx, { kind: 'invitation', invitationId })
    return found(await findInvitation(tx, invitationId), organizationId)
  })
  return invitationOf(row)
}

/** Sends an open invitation once more, with new time, in the name of the caller. */
export async function resendInvitation(platform: Platform, scope: Scope, invitationId: string): Promise<Invitation> {
  const { organizationId, callerId } = scope
  const row = await platform.transact(async (tx) => {
    const { role, expiresAtMs } = await lockInvitation(tx, scope, invitationId)
    const expiresAt = new Date(Date.now() + invitationMs)
    await renewInvitation(tx, invitationId, { invitedBy: callerId, expiresAt })
    const before = { role, expiresAt: new Date(expiresAtMs).toISOString() }
    const after = { role, expiresAt: expiresAt.toISOString() }
    await recordChange(tx, platform.actor, { ...changeOf(organizationId, invitationId, 'resent'), before, after })
    await queueMail(tx, { kind: 'invitation', invitationId })
    return found(await findInvitation(tx, invitationId), organizationId)
  })
  return invitationOf(row)
}

/** Takes an open invitation back: its link is spent from then on. */
export async function revokeInvitation(platform: Platform, scope: Scope, invitationId: string): Promise<void> {
  const { organizationId } = scope
  await platform.transact(async (tx) => {
    const { role, email } = await lockInvitation(tx, scope, invitationId)
    await endInvitation(tx, invitationId, { revokedAt: new Date() })
    await recordChange(tx, platform.actor, {
      ...changeOf(organizationId, invitationId, 'revoked'),
      before: { email: redactEmail(email), role },
    })
  })
}

async function lockInviting(tx: Db, scope: Scope): Promise<Locked> {
  const caller = await lockScope(tx, scope, 'members.invite')
  refusePersonal(caller)
  return caller
}

async function lockInvitation(tx: Db, scope: Scope, invitationId: string): Promise<InvitationRow> {
  const caller = await lockInviting(tx, scope)
  const invitation = found(await findInvitation(tx, invitationId), scope.organizationId)
  refuseGrant(caller, invitation.role)
  return invitation
}

function found(invitation: InvitationRow | null, organizationId: string): InvitationRow {
  if (invitation?.organizationId !== organizationId) throw new Problem('not_found', 'The organization has no such open invitation.')
  return invitation
}

function refuseGrant({ role }: Locked, wanted: Role): void {
  if (!mayGrant(role, wanted)) throw new Problem('access_denied', `The role ${role} may not invite to the role ${wanted}.`)
}

function changeOf(organizationId: string, invitationId: string, what: string) {
  return { chain: { organizationId }, action: `invitation.${what}`, target: { type: 'invitation', id: invitationId } }
}
