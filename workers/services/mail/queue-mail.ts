import type { Db } from '#db/client.ts'
import { insertMail } from '#db/queries/mail/mail-outbox.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'

/** How long whoever made the transaction may take to hand the mail over before the cron of the api Worker does, in milliseconds: longer than it ever takes. */
const ownHandOverMs = 60_000

/**
 * Asks for a mail; call it in the transaction of what the mail tells, so that neither is ever without the other. Whoever made the transaction hands it to
 * the queue after its commit, see `handingOver`; a queue that does not take it fails nothing, for the mail then comes later.
 */
export async function queueMail(tx: Db, message: MailMessage): Promise<void> {
  await insertMail(tx, message, ownHandOverMs)
}
