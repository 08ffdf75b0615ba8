import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { addMailLink } from './add-mail-link.ts'
import { sendMail } from './send-mail.ts'

/** Mails a link to the address that a person wants. Whether it is another account's is told to nobody but who can read mail there. */
export async function requestEmailChange(
  surroundings: Pick<Surroundings, 'mail'>,
  { transact, actor }: Platform,
  { userId }: Person,
  email: string,
): Promise<void> {
  const tokenId = await transact((tx) => addMailLink(tx, actor, { purpose: 'change_email', userId, email }))
  await sendMail(surroundings, { kind: 'link', tokenId })
}
