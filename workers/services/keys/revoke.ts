import type { KeyReference } from '#db/queries/keys/key-reference.ts'
import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { recordEvent } from '../events/record-event.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Ends a key for good; null when the customer has no such key, or it is revoked already. */
export async function revokeKey(platform: Platform, key: KeyReference): Promise<KeyChangeAnswer | null> {
  const { organizationId, keyId } = key
  const { value: revoked, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const ended = await revokeApiKey(tx, key)
    if (ended === null) return null
    const target = { type: 'api_key', id: keyId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'key.revoked', target })
    const data = { keyId, name: ended.name, redactedKey: ended.redacted }
    await recordEvent(tx, { organizationId, type: 'key.revoked', data })
    return ended
  })
  return revoked === null ? null : { organizationId, keyId, pushed }
}
