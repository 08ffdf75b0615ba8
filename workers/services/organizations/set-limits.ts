import { setOrganizationLimits, setOrganizationOverdraft } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer, CustomerLimitsChange } from '#shared/contracts/customer.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/**
 * Replaces all limits of a customer, and its overdraft when one is named; null when there is no such customer. Two writes, each whole in
 * itself: when the second fails the caller learns of it, and asking again is harmless.
 */
export async function setLimits(platform: Platform, organizationId: string, change: CustomerLimitsChange): Promise<ChangeAnswer | null> {
  const version = await setOrganizationLimits(platform.db, organizationId, change.limits)
  if (version === null) return null
  if (change.overdraftNanos !== undefined) await setOrganizationOverdraft(platform.db, organizationId, change.overdraftNanos)
  return { organizationId, pushed: await pushSnapshot(platform, organizationId) }
}
