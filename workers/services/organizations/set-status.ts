import { changeOrganizationAccount } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer, CustomerStatus } from '#shared/contracts/customer.ts'
import type { Platform } from '../platform.ts'
import { changeAndRecord } from './change-and-record.ts'

/** Suspends a customer or lets it work again; null when there is no such customer. Requests already running are not cut off. */
export function setStatus(platform: Platform, organizationId: string, status: CustomerStatus): Promise<ChangeAnswer | null> {
  const action = status === 'suspended' ? 'organization.suspended' : 'organization.restored'
  return changeAndRecord(platform, organizationId, action, (tx) => changeOrganizationAccount(tx, organizationId, { status }))
}
