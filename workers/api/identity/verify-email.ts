import { setEmailVerified } from '#db/queries/accounts/change-user.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { readLink, useLink } from './use-link.ts'

/** Takes the link of a sign-up as a proof that its address receives mail. */
export async function verifyEmail(surroundings: Surroundings, platform: Platform, secret: string): Promise<void> {
  const link = await readLink(surroundings, secret, 'verify_email')
  await useLink(platform, link, async (tx, { user, actor }) => {
    await setEmailVerified(tx, user.id)
    const target = { type: 'user', id: user.id }
    await recordChange(tx, actor, { chain: { userId: user.id }, action: 'user.email_verified', target })
  })
}
