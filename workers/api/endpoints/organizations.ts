import { listOrganizationsOfUser } from '#db/queries/organizations/list-of-user.ts'
import { organizationOperations as operations } from '#shared/contracts/api/organizations.ts'
import { OrganizationId } from '#shared/contracts/customer.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { endpoint } from '../endpoint.ts'
import { rename, requireTwoFactor } from '../organizations/change.ts'
import { createOwned } from '../organizations/create.ts'
import { deleteOrganization } from '../organizations/delete.ts'
import { leave, transfer } from '../organizations/members.ts'
import { organizationOf, showOrganization } from '../organizations/organization-view.ts'

export const organizationEndpoints = [
  endpoint(operations.list, async ({ surroundings, caller: { userId }, query: { cursor, limit } }) => {
    const list = `organizations ${userId}`
    const afterId = readCursor(list, cursor, OrganizationId)
    const rows = await listOrganizationsOfUser(surroundings.db, userId, { afterId, limit: limit + 1 })
    const { data, next } = pageFrom({ rows, limit, list }, ({ organization }) => organization.id)
    return { data: data.map(({ organization, role }) => organizationOf(organization, role)), next }
  }),
  endpoint(operations.create, async ({ platform, caller, body }) =>
    showOrganization(platform.db, await createOwned(platform, caller, body.name), 'owner'),
  ),
  endpoint(operations.read, ({ surroundings, scope }) => showOrganization(surroundings.db, scope.organizationId, scope.role)),
  endpoint(operations.rename, async ({ platform, scope, body }) => {
    await rename(platform, scope, body.name)
    return showOrganization(platform.db, scope.organizationId, scope.role)
  }),
  endpoint(operations.delete, ({ platform, scope, body }) => deleteOrganization(platform, scope, body)),
  endpoint(operations.transfer, ({ platform, scope, body }) => transfer(platform, scope, body.userId)),
  endpoint(operations.leave, ({ platform, scope }) => leave(platform, scope)),
  endpoint(operations.requireTwoFactor, async ({ platform, scope, caller, body }) => {
    await requireTwoFactor(platform, scope, { caller, required: body.required })
    return showOrganization(platform.db, scope.organizationId, scope.role)
  }),
]
