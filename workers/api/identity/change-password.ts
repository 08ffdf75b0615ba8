import { setPasswordHash } from '#db/queries/accounts/change-user.ts'
import { endSessions } from '#db/queries/accounts/end-sessions.ts'
import { findUserByEmail, lockUser } from '#db/queries/accounts/find-user.ts'
import { spendMailTokens } from '#db/queries/accounts/mail-tokens.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import { hashPassword, verifyPassword } from './passwords.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

interface PasswordChange {
  currentPassword?: string | undefined
  newPassword: string
}

/** Replaces a person's password, or sets their first. All their other sessions end, and so do links that were mailed. */
export async function changePassword(
  { db, transact, actor }: Platform,
  { userId, sessionId, email }: Person,
  { currentPassword, newPassword }: PasswordChange,
): Promise<void> {
  refuseWeakPassword(newPassword, email, '#/newPassword')
  const present = (await findUserByEmail(db, email))?.passwordHash ?? null
  if (present !== null && !(await verifyPassword(currentPassword ?? '', present))) throw notTheCurrentOne()
  const passwordHash = await hashPassword(newPassword)
  await transact(async (tx) => {
    const user = await lockUser(tx, userId)
    if (user?.passwordHash !== present) throw new Problem('conflict', 'The password was changed meanwhile.')
    await setPasswordHash(tx, userId, passwordHash)
    await endSessions(tx, userId, sessionId)
    await spendMailTokens(tx, userId)
    await recordChange(tx, actor, { chain: { userId }, action: 'user.password_changed', target: { type: 'user', id: userId } })
    await queueMail(tx, { kind: 'notice', notice: 'password_changed', userId })
  })
}

function notTheCurrentOne(): Problem {
  const [pointer, detail] = ['#/currentPassword', 'is not the current password']
  return new Problem('invalid_request', `${pointer}: ${detail}`, [{ pointer, detail }])
}
