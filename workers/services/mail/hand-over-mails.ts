import type { Db } from '#db/client.ts'
import { type DueMail, finishMails } from '#db/queries/mail/mail-outbox.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import { logFailure } from '#workers/edge/log.ts'

/** The producer of the queue `mail`. */
export interface MailQueue {
  send(message: MailMessage): Promise<unknown>
}

/** Hands mails of the outbox to their queue and takes out those that it took; the others stay for a later run. Answers how many it took; never throws. */
export async function handOverMails(db: Db, queue: MailQueue, mails: DueMail[]): Promise<number> {
  const taken: number[] = []
  for (const { id, message } of mails) {
    await queue.send(message).then(
      () => taken.push(id),
      (error: unknown) => logFailure('mail_not_queued', error, { kind: message.kind }),
    )
  }
  // A row that stays is queued once more.
  await finishMails(db, taken).catch((error: unknown) => logFailure('mails_not_finished', error, {}))
  return taken.length
}
