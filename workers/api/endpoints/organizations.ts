import { readOrganization } from '#db/queries/read-organization.ts'
import { organizationOperations } from '#shared/contracts/api/organizations.ts'
import { assert } from '#shared/values/assert.ts'
import { endpoint } from '../endpoint.ts'

export const organizationEndpoints = [
  endpoint(organizationOperations.read, async ({ surroundings, scope: { organizationId, role } }) => {
    const row = await readOrganization(surroundings.db, organizationId)
    assert(row, 'the guard has seen the organization')
    return { ...row, organizationId, role, createdAt: row.createdAt.toISOString() }
  }),
]
