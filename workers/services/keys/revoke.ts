import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/** Ends a key for good; null when the customer has no such living key. */
export async function revokeKey(platform: Platform, organizationId: string, keyId: string): Promise<KeyChangeAnswer | null> {
  const version = await revokeApiKey(platform.db, { organizationId, keyId })
  if (version === null) return null
  return { organizationId, keyId, pushed: await pushSnapshot(platform, organizationId) }
}
