import { setEmail } from '#db/queries/accounts/change-user.ts'
import { postgresErrorOf } from '#db/statements.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { readLink, useLink } from './use-link.ts'

/** Makes the address that received the link that of the account, and tells the old one. */
export async function confirmEmail(surroundings: Surroundings, platform: Platform, secret: string): Promise<void> {
  const link = await readLink(surroundings, secret, 'change_email')
  const { userId } = link
  const changing = useLink(platform, link, async (tx, { token, user, actor }) => {
    await setEmail(tx, userId, token.email)
    await recordChange(tx, actor, { chain: { userId }, action: 'user.email_changed', target: { type: 'user', id: userId } })
    if (user.email !== null) await queueMail(tx, { kind: 'notice', notice: 'email_changed', userId, email: user.email })
  })
  await changing.catch((error: unknown) => {
    if (postgresErrorOf(error)?.constraint !== 'users_email') throw error
    throw new Problem('conflict', 'The address has become that of another account.')
  })
}
