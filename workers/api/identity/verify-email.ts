import { setEmailVerified } from '#db/queries/accounts/change-user.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { findByPassword } from './find-by-password.ts'
import { readLink, useLink } from './use-link.ts'

/**
 * Takes the link of a sign-up, from who knows the password of the account, as a proof that its address receives mail. Without the password, somebody could
 * sign up with another's address, wait for them to open the link, and have the password of their account. Throws 401 for a wrong one; the link then stays.
 */
export async function verifyEmail(
  surroundings: Surroundings,
  platform: Platform,
  { token, password }: { token: string; password: string },
): Promise<void> {
  const link = await readLink(surroundings, token, 'verify_email')
  const found = await findByPassword(platform.db, { email: link.email, password })
  if (found?.userId !== link.userId)
    throw new Problem('sign_in_failed', 'The password is not the one of the account. If you do not know it, reset it.')
  await useLink(platform, link, async (tx, { user, actor }) => {
    await setEmailVerified(tx, user.id)
    const target = { type: 'user', id: user.id }
    await recordChange(tx, actor, { chain: { userId: user.id }, action: 'user.email_verified', target })
  })
}
