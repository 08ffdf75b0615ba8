import { type ApiKeyRow, listApiKeys } from '#db/queries/list-api-keys.ts'
import { readAccountSnapshot } from '#db/queries/read-account-snapshot.ts'
import { type OrganizationRow, readOrganization } from '#db/queries/read-organization.ts'
import type { Customer, CustomerDetail } from '#shared/contracts/customer.ts'
import type { CustomerKey } from '#shared/contracts/customer-key.ts'
import { viewLedger } from '#workers/services/ledger/view.ts'
import type { Platform } from '#workers/services/platform.ts'
import { ledgerViewTimeoutMs } from './limits.ts'

/** A customer with its keys and what its ledger object sees; null when there is no such customer. */
export async function customerDetail(platform: Platform, organizationId: string): Promise<CustomerDetail | null> {
  const { db, ledger } = platform
  const [row, keys, snapshot] = await Promise.all([
    readOrganization(db, organizationId),
    listApiKeys(db, organizationId),
    readAccountSnapshot(db, organizationId),
  ])
  if (!row || !snapshot) return null
  const { view, note } = await viewLedger(ledger, snapshot, ledgerViewTimeoutMs)
  return { ...customerOf(row), ledger: view, ledgerNote: note, keys: keys.map(customerKeyOf) }
}

export function customerOf(row: OrganizationRow): Customer {
  const { id: organizationId, name, status, balanceNanos, overdraftNanos, lowBalanceNanos, limits, balanceVersion: version } = row
  return {
    organizationId,
    name,
    status,
    balanceNanos,
    overdraftNanos,
    lowBalanceNanos,
    version,
    limits,
    createdAt: row.createdAt.toISOString(),
  }
}

export function customerKeyOf(row: ApiKeyRow): CustomerKey {
  return {
    keyId: row.id,
    name: row.name,
    redactedKey: row.redacted,
    limits: row.limits,
    allowedModels: row.allowedModels,
    allowedIps: row.allowedIps,
    createdBy: row.createdBy,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }
}
