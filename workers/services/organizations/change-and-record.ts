import type { Db } from '#db/client.ts'
import type { OrganizationChange } from '#db/queries/set-organization-account.ts'
import type { ChangeAnswer } from '#shared/contracts/customer.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

/** Changes what the ledger must know of an organization and records it; null when there is no such organization. */
export async function changeAndRecord(
  platform: Platform,
  organizationId: string,
  action: string,
  work: (tx: Db) => Promise<OrganizationChange | null>,
): Promise<ChangeAnswer | null> {
  const { value: change, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const done = await work(tx)
    if (done === null) return null
    const target = { type: 'organization', id: organizationId }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action, target, before: done.before, after: done.after })
    return done
  })
  return change && { organizationId, pushed }
}
