import { type SQL, sql } from 'drizzle-orm'

/** Names a key of a customer. With `createdBy` it must be one that this user or management key has made: any other does not exist. */
export interface KeyReference {
  organizationId: string
  keyId: string
  createdBy?: string | null
}

/** Whether the row `k` of `api_keys` is this key, and not revoked. */
export function isUnrevoked({ organizationId, keyId, createdBy = null }: KeyReference): SQL {
  return sql`k.id = ${keyId} and k.organization_id = ${organizationId} and k.revoked_at is null and ${isOf(createdBy)}`
}

/** Whether the row `k` of `api_keys` was made by this user or management key; null is anybody. */
export function isOf(createdBy: string | null): SQL {
  return createdBy === null ? sql`true` : sql`k.created_by = ${createdBy}`
}
