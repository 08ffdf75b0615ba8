import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { operation } from './operation.ts'

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

export const organizationOperations = {
  read: operation({
    id: 'organizations.read',
    method: 'GET',
    path: one,
    access: 'organization.read',
    summary: 'An organization',
    answer: Organization,
    withoutSecondFactor: true,
  }),
}
