import type { Db } from '#db/client.ts'
import { takeDueMails } from '#db/queries/mail/mail-outbox.ts'
import { handOverMails, type MailQueue } from '#workers/services/mail/hand-over-mails.ts'
import { mailsTogether, queuePatienceMs } from './limits.ts'

/** Hands the queue the mails that statements put into the outbox, and those that nobody handed over: whoever asked for one died, or the queue was away. */
export async function handOverDueMails({ db, mail }: { db: Db; mail: MailQueue }): Promise<{ queued: number }> {
  let queued = 0
  for (;;) {
    const due = await takeDueMails(db, { limit: mailsTogether, patienceMs: queuePatienceMs })
    queued += await handOverMails(db, mail, due)
    if (due.length < mailsTogether) return { queued }
  }
}
