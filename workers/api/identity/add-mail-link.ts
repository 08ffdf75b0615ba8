import type { Db } from '#db/client.ts'
import { insertMailToken, type MailPurpose } from '#db/queries/accounts/mail-tokens.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { queueMail } from '#workers/services/mail/queue-mail.ts'
import type { Actor } from '#workers/services/platform.ts'
import { mailLinkMs } from '../limits.ts'

/** Adds a link to an account, and mails it. */
export async function addMailLink(
  tx: Db,
  actor: Actor,
  { purpose, userId, email }: { purpose: MailPurpose; userId: string; email: string },
): Promise<void> {
  const id = newId('mtk')
  await insertMailToken(tx, { id, purpose, userId, email, validMs: mailLinkMs[purpose] })
  const target = { type: 'mail_token', id }
  await recordChange(tx, actor, { chain: { userId }, action: 'mail_link.requested', target, after: { purpose } })
  await queueMail(tx, { kind: 'link', tokenId: id })
}
