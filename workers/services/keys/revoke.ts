import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Ends a key for good; null when the customer has no such living key. */
export async function revokeKey(platform: Platform, organizationId: string, keyId: string): Promise<KeyChangeAnswer | null> {
  const { value: version, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const raised = await revokeApiKey(tx, { organizationId, keyId })
    if (raised === null) return null
    const target = { type: 'api_key', id: keyId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'key.revoked', target })
    return raised
  })
  return version === null ? null : { organizationId, keyId, pushed }
}
