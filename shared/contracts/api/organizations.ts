import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { DisplayName } from '../../values/display-name.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'
import { UserId } from './parameters.ts'

const root = '/api/organizations'
const one = `${root}/:organizationId` as const

/** An organization as its members see it. */
export const Organization = z.object({
  organizationId: z.string(),
  name: z.string(),
  /** Made at sign-up for one person, who is its only member. */
  personal: z.boolean(),
  status: z.enum(['active', 'suspended']),
  requireTwoFactor: z.boolean(),
  /** What the caller is in it. */
  role: Role,
  createdAt: z.iso.datetime(),
})
export type Organization = z.infer<typeof Organization>

const Named = z.strictObject({ name: DisplayName })

/** `confirm` is the organization's name, typed once more. */
export const OrganizationDeletion = z.strictObject({
  confirm: z.string().max(200),
  /** Gives up the credit that is left. */
  forfeitBalance: z.boolean().default(false),
})
export type OrganizationDeletion = z.infer<typeof OrganizationDeletion>

export const organizationOperations = {
  list: operation({
    id: 'organizations.list',
    method: 'GET',
    path: root,
    access: 'person',
    summary: 'The organizations that you belong to',
    query: PageQuery,
    answer: pageOf(Organization),
  }),
  create: operation({
    id: 'organizations.create',
    method: 'POST',
    path: root,
    access: 'person',
    summary: 'A new organization, which you own',
    description: 'Needs an account whose address is verified. A person owns at most twenty organizations beside their own.',
    body: Named,
    answer: Organization,
    status: 201,
    idempotent: 'answer',
  }),
  read: operation({
    id: 'organizations.read',
    method: 'GET',
    path: one,
    access: 'organization.read',
    summary: 'An organization',
    answer: Organization,
    withoutSecondFactor: true,
  }),
  rename: operation({
    id: 'organizations.rename',
    method: 'PATCH',
    path: one,
    access: 'organization.change',
    summary: 'Gives an organization another name',
    body: Named,
    answer: Organization,
  }),
  delete: operation({
    id: 'organizations.delete',
    method: 'DELETE',
    path: one,
    access: 'organization.delete',
    summary: 'Closes an organization for good',
    description:
      'Its keys, management keys and invitations end, its provider credentials are forgotten, and it has no members any more; its books stay. ' +
      'Refused while money is owed, and while there is credit that `forfeitBalance` does not give up.',
    body: OrganizationDeletion,
    peopleOnly: true,
    fresh: true,
  }),
  transfer: operation({
    id: 'organizations.transfer',
    method: 'POST',
    path: `${one}/transfer`,
    access: 'organization.transfer',
    summary: 'Makes another member the owner in your place',
    description: 'You become an admin.',
    body: z.strictObject({ userId: UserId }),
    peopleOnly: true,
    fresh: true,
  }),
  leave: operation({
    id: 'organizations.leave',
    method: 'POST',
    path: `${one}/leave`,
    access: 'organization.leave',
    summary: 'Leaves an organization',
    description: 'The last owner cannot leave: transfer the organization, or delete it.',
    peopleOnly: true,
    withoutSecondFactor: true,
    whileSuspended: true,
  }),
  requireTwoFactor: operation({
    id: 'organizations.require_two_factor',
    method: 'PUT',
    path: `${one}/two-factor`,
    access: 'two_factor.require',
    summary: 'Whether members must sign in with a second factor',
    description:
      'Can be required only in a session that was opened with one. Members without one can then only leave, until they set one up.',
    body: z.strictObject({ required: z.boolean() }),
    answer: Organization,
    peopleOnly: true,
    fresh: true,
  }),
}
