import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { DisplayName } from '../../values/display-name.ts'
import { Email } from '../../values/email.ts'
import { OrganizationId } from '../customer.ts'
import { MailSent, NewPassword } from './accounts.ts'
import { operation } from './operation.ts'
import { OauthProvider } from './parameters.ts'

const Moment = z.iso.datetime()

/** Who is signed in, as they see themselves. */
export const Me = z.object({
  userId: z.string(),
  email: z.string(),
  isEmailVerified: z.boolean(),
  name: z.string(),
  hasPassword: z.boolean(),
  twoFactor: z.object({
    /** Whether a code of an authenticator is asked for at sign-in. */
    enabled: z.boolean(),
    recoveryCodesLeft: z.int(),
  }),
  passkeys: z.int(),
  identities: z.array(z.object({ provider: OauthProvider, email: z.string(), createdAt: Moment })),
  organizations: z.array(
    z.object({
      organizationId: z.string(),
      name: z.string(),
      personal: z.boolean(),
      status: z.enum(['active', 'suspended']),
      requireTwoFactor: z.boolean(),
      role: Role,
    }),
  ),
  /** Where the portal opens; null when they no longer belong to it. */
  currentOrganizationId: z.string().nullable(),
  session: z.object({ sessionId: z.string(), authenticatedAt: Moment, hasSecondFactor: z.boolean() }),
})
export type Me = z.infer<typeof Me>

/** All that is held about a person. What is a secret, or the hash of one, is not in it. */
export const PersonalData = z.object({
  exportedAt: Moment,
  profile: z.object({
    userId: z.string(),
    email: z.string(),
    name: z.string(),
    emailVerifiedAt: Moment.nullable(),
    hasPassword: z.boolean(),
    twoFactorSince: Moment.nullable(),
    currentOrganizationId: z.string().nullable(),
    createdAt: Moment,
  }),
  organizations: z.array(z.object({ organizationId: z.string(), name: z.string(), role: Role, memberSince: Moment })),
  sessions: z.array(
    z.object({
      sessionId: z.string(),
      method: z.string(),
      secondFactor: z.boolean(),
      ip: z.string(),
      userAgent: z.string(),
      createdAt: Moment,
      lastSeenAt: Moment,
      expiresAt: Moment,
      revokedAt: Moment.nullable(),
    }),
  ),
  passkeys: z.array(
    z.object({ passkeyId: z.string(), name: z.string(), backedUp: z.boolean(), createdAt: Moment, lastUsedAt: Moment.nullable() }),
  ),
  identities: z.array(z.object({ provider: OauthProvider, subject: z.string(), email: z.string(), createdAt: Moment })),
  /** Into organizations, to the address of the account. */
  invitations: z.array(
    z.object({
      invitationId: z.string(),
      organizationId: z.string(),
      role: Role,
      createdAt: Moment,
      expiresAt: Moment,
      acceptedAt: Moment.nullable(),
      revokedAt: Moment.nullable(),
    }),
  ),
  /** Links that were sent by mail. */
  mailLinks: z.array(z.object({ purpose: z.string(), email: z.string(), createdAt: Moment, expiresAt: Moment, usedAt: Moment.nullable() })),
  /** Made by the person, as everybody sees them. */
  apiKeys: z.array(
    z.object({
      keyId: z.string(),
      organizationId: z.string(),
      name: z.string(),
      redacted: z.string(),
      createdAt: Moment,
      revokedAt: Moment.nullable(),
    }),
  ),
  /** What the person did, the newest first. */
  auditEntries: z.array(
    z.object({
      chain: z.string(),
      seq: z.int(),
      at: Moment,
      ip: z.string().nullable(),
      requestId: z.string().nullable(),
      action: z.string(),
      targetType: z.string(),
      targetId: z.string(),
      before: z.unknown(),
      after: z.unknown(),
    }),
  ),
})
export type PersonalData = z.infer<typeof PersonalData>

export const meOperations = {
  read: operation({ id: 'me.read', method: 'GET', path: '/api/me', access: 'person', summary: 'Who is signed in', answer: Me }),
  change: operation({
    id: 'me.change',
    method: 'PATCH',
    path: '/api/me',
    access: 'person',
    summary: 'Change the own name',
    body: z.strictObject({ name: DisplayName }),
    answer: Me,
  }),
  delete: operation({
    id: 'me.delete',
    method: 'DELETE',
    path: '/api/me',
    access: 'person',
    summary: 'Delete the own account',
    description:
      'Organizations without another member are deleted with it and their keys revoked. Refused (409) for the last owner of an organization ' +
      'that has other members: give it to one of them first, or remove them. The audit log keeps ids alone.',
    body: z.strictObject({
      /** The address of the account, typed once more. */
      confirm: Email,
    }),
    fresh: true,
  }),
  setCurrentOrganization: operation({
    id: 'me.set_current_organization',
    method: 'PUT',
    path: '/api/me/current-organization',
    access: 'person',
    summary: 'Choose the organization that the portal opens with',
    body: z.strictObject({ organizationId: OrganizationId }),
  }),
  changeEmail: operation({
    id: 'me.change_email',
    method: 'POST',
    path: '/api/me/email',
    access: 'person',
    summary: 'Ask for another address',
    description: 'Sends a link to the new address, which becomes that of the account when the link is used.',
    body: z.strictObject({ email: Email }),
    answer: MailSent,
    status: 202,
    fresh: true,
  }),
  changePassword: operation({
    id: 'me.change_password',
    method: 'PUT',
    path: '/api/me/password',
    access: 'person',
    summary: 'Set the own password',
    description: 'Ends all other sessions of the account. Who has a password has to give it as `currentPassword`.',
    body: z.strictObject({ currentPassword: z.string().max(400).optional(), newPassword: NewPassword }),
    fresh: true,
  }),
  export: operation({
    id: 'me.export',
    method: 'GET',
    path: '/api/me/export',
    access: 'person',
    summary: 'All that is held about the own person',
    description: 'As a file. Of each list at most the newest 10,000 entries.',
    answer: PersonalData,
  }),
}
