import type { Db } from '#db/client.ts'
import { queueBalanceMails } from '#db/queries/alerts/queue-balance-mails.ts'
import { raiseSpendAlerts } from '#db/queries/alerts/raise-spend-alerts.ts'
import { finishMails, takeDueMails } from '#db/queries/mail/mail-outbox.ts'
import type { MailMessage } from '#shared/contracts/mail-message.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { QueueProducer } from '../env.ts'
import { balanceEventsTogether, lateUsageMs, mailsTogether, queuePatienceMs } from './limits.ts'

export interface Raising {
  db: Db
  mail: QueueProducer<MailMessage>
}

/**
 * Raises the spend alerts that are due, queues their mails and those about balances. What is called for stands in an outbox from the moment it is noticed, so
 * that a run which dies leaves it to the next.
 */
export async function raiseAlerts({ db, mail }: Raising, nowMs: number): Promise<{ raised: number; balances: number; queued: number }> {
  // The period that has just ended is looked at again: the last of its usage is recorded after midnight.
  const days = new Set([dayOf(nowMs - lateUsageMs), dayOf(nowMs)])
  let raised = 0
  for (const day of days) raised += await raiseSpendAlerts(db, day)
  let balances = 0
  for (let taken = balanceEventsTogether; taken === balanceEventsTogether; balances += taken)
    taken = await queueBalanceMails(db, balanceEventsTogether)
  return { raised, balances, queued: await queueMails({ db, mail }) }
}

/** Hands the outbox over to the queue; what the queue does not take stays there for a later run. */
async function queueMails({ db, mail }: Raising): Promise<number> {
  let queued = 0
  for (;;) {
    const due = await takeDueMails(db, { limit: mailsTogether, patienceMs: queuePatienceMs })
    const taken: number[] = []
    for (const { id, message } of due) {
      await mail.send(message).then(
        () => taken.push(id),
        (error: unknown) => logFailure('mail_not_queued', error, { kind: message.kind }),
      )
    }
    await finishMails(db, taken)
    queued += taken.length
    if (due.length < mailsTogether) return queued
  }
}

/** The UTC day of a moment, such as `2026-01-31`. */
function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}
