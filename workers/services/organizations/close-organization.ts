import type { Db } from '#db/client.ts'
import { closeOrganizationRows } from '#db/queries/organizations/close-organization.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Actor } from '../platform.ts'

/**
 * Closes an organization for good: nobody calls, enters or changes it any more, and its books stay. Call it as the work of `changeAccount`, so that its
 * ledger object hears of it. Whether it may be closed is for the caller to decide, under the organization's lock. Answers false when it is closed already.
 */
export async function closeOrganization(tx: Db, actor: Actor, organizationId: string): Promise<boolean> {
  const closed = await closeOrganizationRows(tx, organizationId)
  if (!closed) return false
  const { name, status, balanceNanos, ...after } = closed
  await recordChange(tx, actor, {
    chain: { organizationId },
    action: 'organization.deleted',
    target: { type: 'organization', id: organizationId },
    before: { name, status, balanceNanos },
    after,
  })
  return true
}
