import type { Db } from '#db/client.ts'
import { queueBalanceMails } from '#db/queries/alerts/queue-balance-mails.ts'
import { raiseSpendAlerts } from '#db/queries/alerts/raise-spend-alerts.ts'
import { raiseKeyLimits } from '#db/queries/events/raise-key-limits.ts'
import { nudgeWebhooks, type WebhookQueue } from '#workers/services/events/nudge-webhooks.ts'
import { balanceEventsTogether, lateUsageMs } from './limits.ts'
import { utcDayOf } from './utc-day.ts'

export interface Raising {
  db: Db
  webhooks: WebhookQueue
}

/**
 * Raises the spend alerts that are due, tells of keys that have reached a limit, and puts the mails about balances into the outbox. What is called for stands
 * in an outbox from the moment it is noticed, so that a run which dies leaves it to others.
 */
export async function raiseAlerts(
  { db, webhooks }: Raising,
  nowMs: number,
): Promise<{ raised: number; limited: number; balances: number }> {
  // The period that has just ended is looked at again: the last of its usage is recorded after midnight.
  const days = new Set([utcDayOf(nowMs - lateUsageMs), utcDayOf(nowMs)])
  let raised = 0
  const told = new Set<string>()
  for (const day of days) {
    raised += await raiseSpendAlerts(db, day)
    for (const organizationId of await raiseKeyLimits(db, day)) told.add(organizationId)
  }
  await nudgeWebhooks(webhooks, [...told])
  let balances = 0
  for (let taken = balanceEventsTogether; taken === balanceEventsTogether; balances += taken)
    taken = await queueBalanceMails(db, balanceEventsTogether)
  return { raised, limited: told.size, balances }
}
