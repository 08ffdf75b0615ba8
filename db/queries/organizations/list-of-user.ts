import { and, asc, eq, gt, isNull } from 'drizzle-orm'
import type { Role } from '#shared/access/roles.ts'
import type { Db } from '../../client.ts'
import { memberships, organizations } from '../../schema/index.ts'
import type { OrganizationRow } from '../read-organization.ts'

/** The organizations that a person belongs to, in order of id, behind the given one, each with what the person is in it. */
export async function listOrganizationsOfUser(
  db: Db,
  userId: string,
  page: { afterId: string | null; limit: number },
): Promise<{ organization: OrganizationRow; role: Role }[]> {
  return db
    .select({ organization: organizations, role: memberships.role })
    .from(memberships)
    .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(and(eq(memberships.userId, userId), isNull(organizations.deletedAt), gt(organizations.id, page.afterId ?? '')))
    .orderBy(asc(organizations.id))
    .limit(page.limit)
}
