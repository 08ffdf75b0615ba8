import type { Db } from '#db/client.ts'
import { type OrganizationRow, readOrganization } from '#db/queries/read-organization.ts'
import type { Role } from '#shared/access/roles.ts'
import type { Organization } from '#shared/contracts/api/organizations.ts'
import { assert } from '#shared/values/assert.ts'

/** An organization as one of its members sees it. */
export function organizationOf(row: OrganizationRow, role: Role): Organization {
  const { id: organizationId, name, personal, status, requireTwoFactor, createdAt } = row
  return { organizationId, name, personal, status, requireTwoFactor, role, createdAt: createdAt.toISOString() }
}

/** The same, of one that is known to exist. */
export async function showOrganization(db: Db, organizationId: string, role: Role): Promise<Organization> {
  const row = await readOrganization(db, organizationId)
  assert(row, 'an organization that was just seen exists: none is ever removed')
  return organizationOf(row, role)
}
