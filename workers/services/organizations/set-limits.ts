import { changeOrganizationAccount } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer, CustomerLimitsChange } from '#shared/contracts/customer.ts'
import type { Platform } from '../platform.ts'
import { changeAndRecord } from './change-and-record.ts'

/** Replaces all limits of a customer, its overdraft and its low balance when they are named; null when there is no such customer. */
export function setLimits(platform: Platform, organizationId: string, change: CustomerLimitsChange): Promise<ChangeAnswer | null> {
  return changeAndRecord(platform, organizationId, 'organization.limits_changed', (tx) =>
    changeOrganizationAccount(tx, organizationId, change),
  )
}
