import { setOrganizationLimits, setOrganizationLowBalance, setOrganizationOverdraft } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer, CustomerLimitsChange } from '#shared/contracts/customer.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/**
 * Replaces all limits of a customer, its overdraft and its low balance when they are named; null when there is no such customer. Each write is
 * whole in itself: when a later one fails the caller learns of it, and asking again is harmless.
 */
export async function setLimits(platform: Platform, organizationId: string, change: CustomerLimitsChange): Promise<ChangeAnswer | null> {
  const version = await setOrganizationLimits(platform.db, organizationId, change.limits)
  if (version === null) return null
  if (change.overdraftNanos !== undefined) await setOrganizationOverdraft(platform.db, organizationId, change.overdraftNanos)
  if (change.lowBalanceNanos !== undefined) await setOrganizationLowBalance(platform.db, organizationId, change.lowBalanceNanos)
  return { organizationId, pushed: await pushSnapshot(platform, organizationId) }
}
