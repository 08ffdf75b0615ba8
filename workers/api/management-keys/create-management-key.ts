import { createManagementKey as storeManagementKey } from '#db/queries/management-keys/create-management-key.ts'
import type { CreatedManagementKey, NewManagementKey } from '#shared/contracts/api/management-keys.ts'
import { generateApiKey, hashApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Gives an organization one more management key, which is in this answer and nowhere else; null when it has as many as it may have. */
export async function createManagementKey(
  platform: Platform,
  organizationId: string,
  wanted: NewManagementKey,
): Promise<CreatedManagementKey | null> {
  const { name, role, expiresAt = null } = wanted
  const key = generateApiKey('rrm_')
  const managementKeyId = newId('mgk')
  const createdBy = platform.actor.id
  const [keyHash, redactedKey] = [await hashApiKey(key), redactApiKey(key)]
  const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt)
  const row = { managementKeyId, organizationId, name, role, keyHash, redacted: redactedKey, createdBy, expiresAtMs }
  const createdAtMs = await platform.transact(async (tx) => {
    const stored = await storeManagementKey(tx, row)
    if (stored === null) return null
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'management_key.created',
      target: { type: 'management_key', id: managementKeyId },
      after: { name, role, redacted: redactedKey, expiresAt },
    })
    return stored
  })
  if (createdAtMs === null) return null
  const times = { expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(), lastUsedAt: null }
  const createdAt = new Date(createdAtMs).toISOString()
  const status = expiresAtMs !== null && expiresAtMs <= createdAtMs ? 'expired' : 'active'
  return { managementKeyId, name, role, redactedKey, status, createdBy, ...times, createdAt, key }
}
