import { maxManagementKeys } from '#db/queries/management-keys/create-management-key.ts'
import { managementKeyOperations } from '#shared/contracts/api/management-keys.ts'
import { Problem } from '#workers/edge/problem.ts'
import { endpoint } from '../endpoint.ts'
import { createManagementKey } from '../management-keys/create-management-key.ts'
import { listManagementKeys } from '../management-keys/list-management-keys.ts'
import { revokeManagementKey } from '../management-keys/revoke-management-key.ts'

export const managementKeyEndpoints = [
  endpoint(managementKeyOperations.list, async ({ surroundings, scope }) => ({
    data: await listManagementKeys(surroundings.db, scope.organizationId, Date.now()),
  })),
  endpoint(managementKeyOperations.create, async ({ platform, scope, body }) => {
    const created = await createManagementKey(platform, scope.organizationId, body)
    if (created) return created
    throw new Problem('conflict', `The organization has ${maxManagementKeys} management keys, as many as it may have. Revoke one first.`)
  }),
  endpoint(managementKeyOperations.revoke, async ({ platform, scope: { organizationId }, params: { managementKeyId } }) => {
    const isRevoked = await revokeManagementKey(platform, { organizationId, managementKeyId })
    if (!isRevoked) throw new Problem('not_found', 'There is no such management key of this organization that is not revoked.')
  }),
]
