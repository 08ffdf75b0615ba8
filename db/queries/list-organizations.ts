import { asc, gt } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'
import type { OrganizationRow } from './read-organization.ts'

/** Customers in order of id, after the given one; the last id of a page asks for the next. */
export function listOrganizations(db: Db, page: { afterId?: string; limit: number }): Promise<OrganizationRow[]> {
  return db
    .select()
    .from(organizations)
    .where(gt(organizations.id, page.afterId ?? ''))
    .orderBy(asc(organizations.id))
    .limit(page.limit)
}
