import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'

const root = '/api/organizations/:organizationId/members'
const one = `${root}/:userId` as const

/** Somebody who belongs to an organization. Redacted: the address as `a…@example.com`, and nothing of when they were last here. */
export const Member = z.object({
  userId: z.string(),
  name: z.string(),
  email: z.string(),
  role: Role,
  joinedAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime().nullable(),
})
export type Member = z.infer<typeof Member>

const RoleChange = z.strictObject({ role: Role })

export const memberOperations = {
  list: operation({
    id: 'members.list',
    method: 'GET',
    path: root,
    access: 'members.list',
    summary: 'Who belongs to an organization',
    query: PageQuery,
    answer: pageOf(Member),
  }),
  changeRole: operation({
    id: 'members.change_role',
    method: 'PATCH',
    path: one,
    access: 'members.change_role',
    summary: 'Gives a member another role',
    description: 'Owners may give and take every role, admins those below their own. The last owner stays one.',
    body: RoleChange,
    answer: z.object({ userId: z.string(), role: Role }),
  }),
  remove: operation({
    id: 'members.remove',
    method: 'DELETE',
    path: one,
    access: 'members.remove',
    summary: 'Removes a member below oneself; owners may remove each other',
    description: 'API keys that the member made belong to the organization and go on working: revoke those that should not.',
  }),
}
