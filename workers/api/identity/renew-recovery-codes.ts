import { lockUser } from '#db/queries/accounts/find-user.ts'
import { replaceRecoveryCodes } from '#db/queries/accounts/recovery-codes.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import { newRecoveryCodes } from './recovery-codes.ts'

/** Other recovery codes for somebody whose authenticator is on, to be shown once. */
export async function renewRecoveryCodes({ transact, actor }: Platform, userId: string): Promise<string[]> {
  const { codes, hashes } = await newRecoveryCodes()
  await transact(async (tx) => {
    const user = await lockUser(tx, userId)
    if (!user?.totpEnabledAt) throw new Problem('conflict', 'No authenticator is on, so that nothing could stand in for it.')
    await replaceRecoveryCodes(tx, userId, hashes)
    await recordChange(tx, actor, { chain: { userId }, action: 'recovery_codes.replaced', target: { type: 'user', id: userId } })
  })
  return codes
}
