import { findUserByEmail } from '#db/queries/accounts/find-user.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Platform } from '#workers/services/platform.ts'
import { addMailLink } from './add-mail-link.ts'
import { createAccount } from './create-account.ts'
import { hashPassword } from './passwords.ts'

/** Makes an account and mails the link that verifies its address. To an address that has one, a mail tells just that, and nothing is changed. */
export async function signUp(
  { transact, actor }: Platform,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<void> {
  const passwordHash = await hashPassword(password)
  await transact(async (tx) => {
    const created = await createAccount(tx, actor, { email, name, passwordHash, emailVerified: false })
    if (created) return addMailLink(tx, actor, { purpose: 'verify_email', userId: created.userId, email })
    const present = await findUserByEmail(tx, email)
    // Null for one that was deleted in between: whoever signs up tries again.
    if (present) await queueMail(tx, { kind: 'notice', notice: 'sign_up_again', userId: present.id })
  })
}
