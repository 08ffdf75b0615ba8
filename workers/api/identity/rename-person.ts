import { setName } from '#db/queries/accounts/change-user.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Gives a person another name. The audit log, which keeps what it is told for good, is not told the name. */
export async function renamePerson({ transact, actor }: Platform, userId: string, name: string): Promise<void> {
  await transact(async (tx) => {
    await setName(tx, userId, name)
    await recordChange(tx, actor, { chain: { userId }, action: 'user.renamed', target: { type: 'user', id: userId } })
  })
}
