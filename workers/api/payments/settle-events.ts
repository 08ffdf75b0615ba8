import { finishStripeEvent, type TakenEvent, takeDueStripeEvents, takeStripeEvent } from '#db/queries/payments/stripe-events.ts'
import { PaymentMessage } from '#shared/contracts/payment-message.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Surroundings } from '../env.ts'
import type { QueueMessage } from '../mail/consume.ts'
import { settlerOf } from './event-types.ts'
import { dueEventsTogether, eventRetrySeconds, eventsAtOnce } from './limits.ts'
import { openPayments, type Payments, type Settlement } from './payments.ts'
import { logStripeFailure } from './stripe-failure.ts'

export type Settling = Pick<Surroundings, 'db' | 'transact' | 'ledger' | 'keyRing' | 'stripeUrl'>

/** Opens Stripe when it is first needed. */
export type Opening = () => Promise<Payments>

export function openedOnce(settling: Settling): Opening {
  let opening: Promise<Payments> | undefined
  return () => {
    opening ??= openPayments(settling)
    return opening
  }
}

/** One line of log. */
export type SettledEvents = Record<Settlement | 'failed', number>

/**
 * Settles the events that the messages name. One that cannot be settled stays `received`, and is due again later: the queue brings it back, and so does the cron.
 * Never throws.
 */
export async function consumePayments(settling: Settling, messages: readonly QueueMessage[]): Promise<{ event: string } & SettledEvents> {
  const counts: SettledEvents = { applied: 0, unchanged: 0, set_aside: 0, failed: 0 }
  const open = openedOnce(settling)
  await severalAtOnce(messages, eventsAtOnce, async (message) => {
    const { data } = PaymentMessage.safeParse(message.body)
    // What is no message of ours names nothing that could be settled later.
    const fate = data ? await settleNamed(settling, open, data.stripeEventId) : 'unchanged'
    counts[fate]++
    if (fate === 'failed') message.retry({ delaySeconds: eventRetrySeconds })
    else message.ack()
  })
  return { event: 'payments_consumed', ...counts }
}

/** Settles events that are overdue: the queue did not take them, or what they needed did not answer. */
export async function settleDueEvents({ db }: Settling, open: Opening): Promise<SettledEvents> {
  const counts: SettledEvents = { applied: 0, unchanged: 0, set_aside: 0, failed: 0 }
  const due = await takeDueStripeEvents(db, dueEventsTogether)
  await severalAtOnce(due, eventsAtOnce, async (event) => {
    counts[await settleTaken(open, event)]++
  })
  return counts
}

async function settleNamed({ db }: Settling, open: Opening, stripeEventId: string): Promise<Settlement | 'failed'> {
  try {
    const event = await takeStripeEvent(db, stripeEventId)
    return event ? await settleTaken(open, event) : 'unchanged'
  } catch (error) {
    logFailure('stripe_event_not_taken', error, { stripeEventId })
    return 'failed'
  }
}

async function settleTaken(open: Opening, { id, type, objectId }: TakenEvent): Promise<Settlement | 'failed'> {
  try {
    const payments = await open()
    const settlement = (await settlerOf(type)?.(payments, objectId)) ?? 'unchanged'
    await finishStripeEvent(payments.db, id, settlement === 'set_aside' ? 'set_aside' : 'processed')
    return settlement
  } catch (error) {
    logStripeFailure('stripe_event_not_settled', error, { stripeEventId: id, type })
    return 'failed'
  }
}

/** Works on items, so many at a time. */
export async function severalAtOnce<Item>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const workers = Array.from({ length: atOnce }, async () => {
    for (const item of waiting) await work(item)
  })
  await Promise.all(workers)
}
