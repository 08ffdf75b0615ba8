import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { Email } from '../../values/email.ts'
import { operation } from './operation.ts'
import { Organization } from './organizations.ts'

const root = '/api/organizations/:organizationId/invitations'
const one = `${root}/:invitationId` as const

/** An invitation that was neither accepted nor revoked. */
export const Invitation = z.object({
  invitationId: z.string(),
  email: z.string(),
  role: Role,
  /** Name of the person who invited; null when a management key did. */
  invitedBy: z.string().nullable(),
  /** `lapsed`: its time is over, or who invited may no longer give this role. Sending it again makes it open. */
  status: z.enum(['open', 'lapsed']),
  expiresAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
})
export type Invitation = z.infer<typeof Invitation>

export const NewInvitation = z.strictObject({ email: Email, role: Role })
export type NewInvitation = z.infer<typeof NewInvitation>

/** What the link in the mail carries. */
const Link = z.strictObject({ token: z.string().min(1).max(500) })

/** What somebody is invited into, for whoever has the link. The address is redacted. */
export const InvitationPreview = z.object({
  organizationName: z.string(),
  role: Role,
  invitedBy: z.string().nullable(),
  email: z.string(),
  expiresAt: z.iso.datetime(),
})
export type InvitationPreview = z.infer<typeof InvitationPreview>

export const invitationOperations = {
  list: operation({
    id: 'invitations.list',
    method: 'GET',
    path: root,
    access: 'members.invite',
    summary: 'Invitations that are still open',
    answer: z.object({ data: z.array(Invitation) }),
  }),
  create: operation({
    id: 'invitations.create',
    method: 'POST',
    path: root,
    access: 'members.invite',
    summary: 'Invites an address into an organization, by mail',
    description: 'Good for seven days. Inviting an address again replaces its invitation: the earlier link is spent.',
    body: NewInvitation,
    answer: Invitation,
    status: 201,
    idempotent: 'answer',
  }),
  resend: operation({
    id: 'invitations.resend',
    method: 'POST',
    path: `${one}/resend`,
    access: 'members.invite',
    summary: 'Sends an invitation once more, in your name and for another seven days',
    answer: Invitation,
  }),
  revoke: operation({
    id: 'invitations.revoke',
    method: 'DELETE',
    path: one,
    access: 'members.invite',
    summary: 'Takes an invitation back',
  }),
  preview: operation({
    id: 'invitations.preview',
    method: 'POST',
    path: '/api/invitations/preview',
    access: 'public',
    summary: 'What the link of an invitation leads to',
    body: Link,
    answer: InvitationPreview,
  }),
  accept: operation({
    id: 'invitations.accept',
    method: 'POST',
    path: '/api/invitations/accept',
    access: 'person',
    summary: 'Joins the organization of an invitation',
    description: 'The verified address of the account must be the invited one. A link works once.',
    body: Link,
    answer: Organization,
  }),
}
