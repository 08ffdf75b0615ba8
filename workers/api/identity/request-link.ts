import { findUserByEmail } from '#db/queries/accounts/find-user.ts'
import type { Platform } from '#workers/services/platform.ts'
import { addMailLink } from './add-mail-link.ts'

/** Mails a link to the account of an address, if there is one that it is of use to. */
export async function requestLink(
  { db, transact, actor }: Platform,
  purpose: 'verify_email' | 'reset_password',
  email: string,
): Promise<void> {
  const user = await findUserByEmail(db, email)
  if (!user || (purpose === 'verify_email' && user.emailVerifiedAt !== null)) return
  await transact((tx) => addMailLink(tx, actor, { purpose, userId: user.id, email }))
}
