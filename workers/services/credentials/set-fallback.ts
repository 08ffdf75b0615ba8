import { setByokFallback } from '#db/queries/set-byok-fallback.ts'
import type { FallbackAnswer } from '#shared/contracts/provider-credential.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/** Sets whether paid credit serves what no credential could; null when there is no such customer. */
export async function setFallback(platform: Platform, organizationId: string, fallback: boolean): Promise<FallbackAnswer | null> {
  if (!(await setByokFallback(platform.db, organizationId, fallback))) return null
  return { organizationId, fallback, pushed: await pushSnapshot(platform, organizationId) }
}
