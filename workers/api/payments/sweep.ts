import { listPendingTopUps, listUnbegunTopUps, type PendingTopUp } from '#db/queries/payments/settled-top-ups.ts'
import { failTopUp } from './fail-top-up.ts'
import { eventsAtOnce, pendingTogether, sweepBudgetMs, unbegunMs } from './limits.ts'
import { paymentsActor, type Settlement } from './payments.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'
import { type Opening, openedOnce, type Settling, settleDueEvents, severalAtOnce } from './settle-events.ts'
import { logStripeFailure } from './stripe-failure.ts'

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
  for (const unbegun of await listUnbegunTopUps(settling.db, new Date(nowMs - unbegunMs))) {
    const failed = { ...unbegun, failure: 'failed', paymentIntentId: null } as const
    if (await settling.transact((tx) => failTopUp(tx, paymentsActor, failed))) counts.ended++
  }
  return counts
}

async function ask(open: Opening, { id, checkoutSessionId, paymentIntentId }: PendingTopUp): Promise<Settlement | 'failed'> {
  try {
    const payments = await open()
    if (checkoutSessionId !== null) return await settleCheckout(payments, checkoutSessionId)
    return paymentIntentId === null ? 'unchanged' : await settlePaymentIntent(payments, paymentIntentId)
  } catch (error) {
    logStripeFailure('top_up_not_settled', error, { topUpId: id })
    return 'failed'
  }
}
