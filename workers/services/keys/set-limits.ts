import { setKeyLimits } from '#db/queries/set-key-limits.ts'
import type { Limits } from '#shared/contracts/account.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/** Replaces all limits of a living key; null when the customer has no such key. */
export async function setLimitsOfKey(
  platform: Platform,
  key: { organizationId: string; keyId: string; limits: Limits },
): Promise<KeyChangeAnswer | null> {
  const version = await setKeyLimits(platform.db, key)
  if (version === null) return null
  const { organizationId, keyId } = key
  return { organizationId, keyId, pushed: await pushSnapshot(platform, organizationId) }
}
