import { deletePasskey } from '#db/queries/accounts/delete-passkey.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { hasWayIn } from '#db/queries/accounts/has-way-in.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Takes a passkey away; false when the person has no such passkey. Throws a conflict, and changes nothing, when no way to sign in would be left. */
export async function removePasskey(platform: Platform, userId: string, passkeyId: string): Promise<boolean> {
  return platform.transact(async (tx) => {
    await lockUser(tx, userId)
    const name = await deletePasskey(tx, { userId, passkeyId })
    if (name === null) return false
    if (!(await hasWayIn(tx, userId))) throw new Problem('conflict', 'This is the last way to sign in. Set another one up first.')
    await recordChange(tx, platform.actor, {
      chain: { userId },
      action: 'passkey.removed',
      target: { type: 'passkey', id: passkeyId },
      before: { name },
    })
    await queueMail(tx, { kind: 'notice', userId, notice: 'passkey_removed' })
    return true
  })
}
