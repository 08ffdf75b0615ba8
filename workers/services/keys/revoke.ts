import type { KeyReference } from '#db/queries/keys/key-reference.ts'
import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Ends a key for good; null when the customer has no such key, or it is revoked already. */
export async function revokeKey(platform: Platform, key: KeyReference): Promise<KeyChangeAnswer | null> {
  const { organizationId, keyId } = key
  const { value: version, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const raised = await revokeApiKey(tx, key)
    if (raised === null) return null
    const target = { type: 'api_key', id: keyId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'key.revoked', target })
    return raised
  })
  return version === null ? null : { organizationId, keyId, pushed }
}
