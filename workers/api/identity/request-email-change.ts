import type { Platform } from '#workers/services/platform.ts'
import type { Person } from '../caller/caller.ts'
import { addMailLink } from './add-mail-link.ts'

/** Mails a link to the address that a person wants. Whether it is another account's is told to nobody but who can read mail there. */
export async function requestEmailChange({ transact, actor }: Platform, { userId }: Person, email: string): Promise<void> {
  await transact((tx) => addMailLink(tx, actor, { purpose: 'change_email', userId, email }))
}
