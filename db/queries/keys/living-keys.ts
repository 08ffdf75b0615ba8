import { type SQL, sql } from 'drizzle-orm'

/** How many keys of an organization are neither revoked nor expired; ask it behind `lockOrganizations`, or two at once both find room for the last. */
export function livingKeys(organizationId: SQL): SQL {
  return sql`(
    select count(*) from api_keys living
    where living.organization_id = ${organizationId} and living.revoked_at is null and (living.expires_at is null or living.expires_at > now())
  )`
}
