import { type SQL, sql } from 'drizzle-orm'

/**
 * First statement of every transaction that changes an account. Locks are taken in order of id, so that two transactions never wait for each
 * other; the statement after it sees all that the locks waited for.
 */
export function lockOrganizations(organizationIds: string[]): SQL {
  return sql`select id from organizations where id = any(${sql.param(organizationIds)}::text[]) order by id for no key update`
}
