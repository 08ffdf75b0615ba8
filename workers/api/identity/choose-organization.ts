import { setCurrentOrganization } from '#db/queries/accounts/change-user.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Notes where the portal opens for a person; false when they do not belong to that organization. */
export async function chooseOrganization({ transact, actor }: Platform, userId: string, organizationId: string): Promise<boolean> {
  return transact(async (tx) => {
    if (!(await setCurrentOrganization(tx, userId, organizationId))) return false
    const target = { type: 'user', id: userId }
    const after = { organizationId }
    await recordChange(tx, actor, { chain: { userId }, action: 'user.organization_chosen', target, after })
    return true
  })
}
