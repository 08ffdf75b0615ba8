import { listInvitations } from '#db/queries/organizations/read-invitations.ts'
import { invitationOperations as operations } from '#shared/contracts/api/invitations.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { acceptInvitation, previewInvitation } from '../organizations/accept-invitation.ts'
import { invitationOf } from '../organizations/invitation-view.ts'
import { invite, resendInvitation, revokeInvitation } from '../organizations/invite.ts'
import { showOrganization } from '../organizations/organization-view.ts'

export const invitationEndpoints = [
  endpoint(operations.list, async ({ surroundings, scope }) => {
    const rows = await listInvitations(surroundings.db, scope.organizationId)
    return { data: rows.map(invitationOf) }
  }),
  endpoint(operations.create, async ({ c, surroundings, platform, scope, body }) => {
    await limitAttempts(surroundings.redis, 'invitation', { ip: clientIpOf(c), account: scope.organizationId })
    return invite(platform, scope, body)
  }),
  endpoint(operations.resend, async ({ c, surroundings, platform, scope, params }) => {
    await limitAttempts(surroundings.redis, 'invitation', { ip: clientIpOf(c), account: scope.organizationId })
    return resendInvitation(platform, scope, params.invitationId)
  }),
  endpoint(operations.revoke, ({ platform, scope, params }) => revokeInvitation(platform, scope, params.invitationId)),
  endpoint(operations.preview, async ({ c, surroundings, body }) => {
    await limitAttempts(surroundings.redis, 'link_use', { ip: clientIpOf(c) })
    return previewInvitation(surroundings, body.token)
  }),
  endpoint(operations.accept, async ({ c, surroundings, platform, caller, body }) => {
    await limitAttempts(surroundings.redis, 'link_use', { ip: clientIpOf(c), account: caller.userId })
    const { organizationId, role } = await acceptInvitation(surroundings, platform, caller, body.token)
    return showOrganization(surroundings.db, organizationId, role)
  }),
]
