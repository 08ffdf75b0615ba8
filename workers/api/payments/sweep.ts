import { listPendingTopUps, listUnbegunTopUps, type PendingTopUp } from '#db/queries/payments/settled-top-ups.ts'
import { logFailure } from '#workers/edge/log.ts'
import { failTopUp } from './fail-top-up.ts'
import { eventsAtOnce, pendingTogether, sweepBudgetMs, unbegunMs } from './limits.ts'
import type { Settlement } from './payments.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'
import { type Opening, openedOnce, type Settling, settleDueEvents, severalAtOnce, withoutWords } from './settle-events.ts'

/**
 * Looks after what was left behind: events that are overdue, top-ups of which nothing was heard for minutes, so that a lost event costs a customer minutes, and
 * top-ups that never got as far as Stripe. Stripe is not opened when there is nothing to ask.
 */
export async function sweepPayments(settling: Settling, nowMs: number): Promise<Record<string, number>> {
  const endsAtMs = Date.now() + sweepBudgetMs
  const open = openedOnce(settling)
  const events = await settleDueEvents(settling, open)
  const counts = { settled: events.applied, set_aside: events.set_aside, failed: events.failed, ended: 0 }
  const pending = await listPendingTopUps(settling.db, pendingTogether)
  await severalAtOnce(pending, eventsAtOnce, async (topUp) => {
    if (Date.now() >= endsAtMs) return
    const fate = await ask(open, topUp)
    if (fate === 'applied') counts.settled++
    else if (fate !== 'unchanged') counts[fate]++
  })
  const platform = { transact: settling.transact, actor: { type: 'system', id: 'payments', ip: null, requestId: null } } as const
  for (const id of await listUnbegunTopUps(settling.db, new Date(nowMs - unbegunMs))) {
    if ((await failTopUp(platform, { id }, 'failed')) === 'applied') counts.ended++
  }
  return counts
}

async function ask(open: Opening, { id, checkoutSessionId, paymentIntentId }: PendingTopUp): Promise<Settlement | 'failed'> {
  try {
    const payments = await open()
    if (checkoutSessionId !== null) return await settleCheckout(payments, checkoutSessionId)
    return paymentIntentId === null ? 'unchanged' : await settlePaymentIntent(payments, paymentIntentId)
  } catch (error) {
    logFailure('top_up_not_settled', withoutWords(error), { topUpId: id })
    return 'failed'
  }
}
