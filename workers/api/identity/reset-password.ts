import { setEmailVerified, setPasswordHash } from '#db/queries/accounts/change-user.ts'
import { endSessions } from '#db/queries/accounts/end-sessions.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { hashPassword } from './passwords.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import { readLink, useLink } from './use-link.ts'

/** Sets a password by a link, and ends all sessions: whoever had the old one is out. A weak password leaves the link unused. */
export async function resetPassword(
  surroundings: Surroundings,
  platform: Platform,
  { token: secret, password }: { token: string; password: string },
): Promise<void> {
  const link = await readLink(surroundings, secret, 'reset_password')
  refuseWeakPassword(password, link.email, '#/password')
  const passwordHash = await hashPassword(password)
  const { userId } = link
  await useLink(platform, link, async (tx, { actor }) => {
    await setPasswordHash(tx, userId, passwordHash)
    // The mail was received.
    await setEmailVerified(tx, userId)
    await endSessions(tx, userId, null)
    await recordChange(tx, actor, { chain: { userId }, action: 'user.password_reset', target: { type: 'user', id: userId } })
    await queueMail(tx, { kind: 'notice', notice: 'password_changed', userId })
  })
}
