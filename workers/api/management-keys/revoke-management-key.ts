import { revokeManagementKey as endManagementKey } from '#db/queries/management-keys/revoke-management-key.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Ends a management key for good; false when the organization has none such, or it is revoked already. */
export function revokeManagementKey(platform: Platform, key: { organizationId: string; managementKeyId: string }): Promise<boolean> {
  const { organizationId, managementKeyId } = key
  return platform.transact(async (tx) => {
    const before = await endManagementKey(tx, key)
    if (!before) return false
    const target = { type: 'management_key', id: managementKeyId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'management_key.revoked', target, before })
    return true
  })
}
