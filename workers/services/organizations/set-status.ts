import { setOrganizationStatus } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer, CustomerStatus } from '#shared/contracts/customer.ts'
import { pushSnapshot } from '../ledger/push-snapshot.ts'
import type { Platform } from '../platform.ts'

/** Suspends a customer or lets it work again; null when there is no such customer. Requests already running are not cut off. */
export async function setStatus(platform: Platform, organizationId: string, status: CustomerStatus): Promise<ChangeAnswer | null> {
  const version = await setOrganizationStatus(platform.db, organizationId, status)
  if (version === null) return null
  return { organizationId, pushed: await pushSnapshot(platform, organizationId) }
}
