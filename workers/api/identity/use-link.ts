import type { Db } from '#db/client.ts'
import type { UserRow } from '#db/queries/accounts/find-user.ts'
import { findMailToken, type MailPurpose, type MailTokenRow, takeMailToken } from '#db/queries/accounts/mail-tokens.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Actor, Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'
import { verifyMailLink } from './mail-links.ts'

/** A link that we signed, of this purpose and not used yet, before anything is done by it. Throws 410 for every other. */
export async function readLink(surroundings: Surroundings, secret: string, purpose: MailPurpose): Promise<MailTokenRow> {
  const id = await verifyMailLink(surroundings, secret)
  const token = id === null ? null : await findMailToken(surroundings.db, id, purpose)
  if (!token) throw linkSpent()
  return token
}

/** What is done by a link, as the person whose mailbox it was in. */
export type LinkWork<Value> = (tx: Db, used: { token: MailTokenRow; user: UserRow; actor: Actor }) => Promise<Value>

/** Uses a link in one transaction with the work that it is for; throws 410, and the work is not done, when it was used meanwhile. */
export async function useLink<Value>({ transact, actor }: Platform, { id, purpose }: MailTokenRow, work: LinkWork<Value>): Promise<Value> {
  return transact(async (tx) => {
    const taken = await takeMailToken(tx, id, purpose)
    if (!taken) throw linkSpent()
    return work(tx, { ...taken, actor: { ...actor, type: 'user', id: taken.user.id } })
  })
}

function linkSpent(): Problem {
  return new Problem('link_spent', 'The link was used, has run out, or is not whole. Ask for another one.')
}
