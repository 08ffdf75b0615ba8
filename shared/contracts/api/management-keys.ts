import { z } from 'zod'
import { Role } from '../../access/roles.ts'
import { DisplayName } from '../../values/display-name.ts'
import { ExpiresAt } from '../customer-key.ts'
import { operation } from './operation.ts'

const root = '/api/organizations/:organizationId/management-keys'

/** A key by which a script uses this API, as it may be shown after its creation. */
export const ManagementKey = z.object({
  managementKeyId: z.string(),
  name: z.string(),
  /** What it may do, as a member of this role. */
  role: Role,
  redactedKey: z.string(),
  status: z.enum(['active', 'expired']),
  createdBy: z.string(),
  expiresAt: z.iso.datetime().nullable(),
  /** To the minute. */
  lastUsedAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type ManagementKey = z.infer<typeof ManagementKey>

/** A new management key. It is never an owner, so that no script can give the organization away. */
export const NewManagementKey = z.strictObject({ name: DisplayName, role: Role.exclude(['owner']), expiresAt: ExpiresAt.optional() })
export type NewManagementKey = z.infer<typeof NewManagementKey>

/** The only answer that ever carries the key itself. */
export const CreatedManagementKey = ManagementKey.extend({ key: z.string() })
export type CreatedManagementKey = z.infer<typeof CreatedManagementKey>

export const managementKeyOperations = {
  list: operation({
    id: 'managementKeys.list',
    method: 'GET',
    path: root,
    access: 'management_keys.list',
    summary: 'The management keys of an organization that are not revoked, newest first',
    answer: z.object({ data: z.array(ManagementKey) }),
  }),
  create: operation({
    id: 'managementKeys.create',
    method: 'POST',
    path: root,
    access: 'management_keys.change',
    summary: 'A new management key, which is shown once',
    description: 'It is sent to this API as `Authorization: Bearer`, and calls no models. A management key cannot make others.',
    body: NewManagementKey,
    answer: CreatedManagementKey,
    status: 201,
    peopleOnly: true,
    idempotent: 'secret',
  }),
  revoke: operation({
    id: 'managementKeys.revoke',
    method: 'DELETE',
    path: `${root}/:managementKeyId`,
    access: 'management_keys.change',
    summary: 'Ends a management key for good, from the next request on',
  }),
}
