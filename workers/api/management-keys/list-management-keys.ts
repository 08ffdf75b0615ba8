import type { Db } from '#db/client.ts'
import { listManagementKeys as readManagementKeys } from '#db/queries/management-keys/list-management-keys.ts'
import type { ManagementKey } from '#shared/contracts/api/management-keys.ts'

/** The management keys of an organization that are not revoked. */
export async function listManagementKeys(db: Db, organizationId: string, nowMs: number): Promise<ManagementKey[]> {
  const rows = await readManagementKeys(db, organizationId)
  return rows.map(({ id: managementKeyId, name, role, redacted, createdBy, expiresAt, lastUsedAt, createdAt }) => ({
    managementKeyId,
    name,
    role,
    redactedKey: redacted,
    status: expiresAt !== null && expiresAt.getTime() <= nowMs ? 'expired' : 'active',
    createdBy,
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }))
}
