import type { IdentityProvider } from '#db/queries/accounts/claim-identity.ts'
import { deleteIdentity } from '#db/queries/accounts/delete-identity.ts'
import { lockUser } from '#db/queries/accounts/find-user.ts'
import { hasWayIn } from '#db/queries/accounts/has-way-in.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'

/** Unlinks a user's account at a provider; false when they have none there. Throws a conflict when no way to sign in would be left. */
export async function unlinkIdentity(platform: Platform, userId: string, provider: IdentityProvider): Promise<boolean> {
  return platform.transact(async (tx) => {
    await lockUser(tx, userId)
    if (!(await deleteIdentity(tx, { userId, provider }))) return false
    if (!(await hasWayIn(tx, userId))) throw new Problem('conflict', 'This is the last way to sign in. Set another one up first.')
    await recordChange(tx, platform.actor, {
      chain: { userId },
      action: 'identity.unlinked',
      target: { type: 'identity', id: provider },
      before: { provider },
    })
    await queueMail(tx, { kind: 'notice', userId, notice: 'identity_unlinked' })
    return true
  })
}
