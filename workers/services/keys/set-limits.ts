import { setKeyLimits } from '#db/queries/set-key-limits.ts'
import type { Limits } from '#shared/contracts/account.ts'
import type { KeyChangeAnswer } from '#shared/contracts/customer-key.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Replaces all limits of a living key; null when the customer has no such key. */
export async function setLimitsOfKey(
  platform: Platform,
  { organizationId, keyId, limits }: { organizationId: string; keyId: string; limits: Limits },
): Promise<KeyChangeAnswer | null> {
  const { value: before, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const replaced = await setKeyLimits(tx, { organizationId, keyId, limits })
    if (replaced === null) return null
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'key.limits_changed',
      target: { type: 'api_key', id: keyId },
      before: { limits: replaced.limits },
      after: { limits },
    })
    return replaced
  })
  return before === null ? null : { organizationId, keyId, pushed }
}
