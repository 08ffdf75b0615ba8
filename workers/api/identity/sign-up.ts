import { findUserByEmail } from '#db/queries/accounts/find-user.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { addMailLink } from './add-mail-link.ts'
import { createAccount } from './create-account.ts'
import { hashPassword } from './passwords.ts'
import { sendMail } from './send-mail.ts'

/** Makes an account and mails the link that verifies its address. To an address that has one, a mail tells just that, and nothing is changed. */
export async function signUp(
  surroundings: Pick<Surroundings, 'mail'>,
  { transact, actor }: Platform,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<void> {
  const passwordHash = await hashPassword(password)
  const message = await transact(async (tx): Promise<MailMessage | null> => {
    const created = await createAccount(tx, actor, { email, name, passwordHash, emailVerified: false })
    if (created) {
      const { userId } = created
      return { kind: 'link', tokenId: await addMailLink(tx, actor, { purpose: 'verify_email', userId, email }) }
    }
    const present = await findUserByEmail(tx, email)
    // Null for one that was deleted in between: whoever signs up tries again.
    return present && { kind: 'notice', notice: 'sign_up_again', userId: present.id }
  })
  if (message) await sendMail(surroundings, message)
}
