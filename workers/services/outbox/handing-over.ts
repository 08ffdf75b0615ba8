import type { Db, Transact } from '#db/client.ts'
import { outboxed } from '#db/outboxed.ts'
import { nudgeWebhooks, type WebhookQueue } from '../events/nudge-webhooks.ts'
import { handOverMails, type MailQueue } from '../mail/hand-over-mails.ts'

/** Where a Worker hands its outboxes to. */
export interface HandOver {
  db: Db
  webhooks: WebhookQueue
  /** Null in a Worker that asks for no mails: should it do so after all, the cron of the api Worker sends them. */
  mail: MailQueue | null
}

/**
 * Transactions after whose commit, and never before it, their mails are handed to the queue `mail` and the webhooks Worker hears of their events. What is lost
 * on the way, or with a Worker that dies, costs a minute: crons look for what waits. So it fails nothing.
 */
export function handingOver(transact: Transact, { db, webhooks, mail }: HandOver): Transact {
  return async (work) => {
    const { value, left } = await transact(async (tx) => ({ value: await work(tx), left: outboxed(tx) }))
    await Promise.all([nudgeWebhooks(webhooks, [...left.organizationIds]), mail && handOverMails(db, mail, left.mails)])
    return value
  }
}
