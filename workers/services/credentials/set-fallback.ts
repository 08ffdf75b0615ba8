import { setByokFallback } from '#db/queries/set-byok-fallback.ts'
import type { FallbackAnswer } from '#shared/contracts/provider-credential.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Sets whether paid credit serves what no credential could; null when there is no such customer. */
export async function setFallback(platform: Platform, organizationId: string, fallback: boolean): Promise<FallbackAnswer | null> {
  const { value, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    if (!(await setByokFallback(tx, organizationId, fallback))) return null
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.byok_fallback_set',
      target: { type: 'organization', id: organizationId },
      after: { fallback },
    })
    return { organizationId, fallback }
  })
  return value && { ...value, pushed }
}
