import type Stripe from 'stripe'
import { findTopUp, type TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { creditTopUp } from './credit-top-up.ts'
import { failTopUp } from './fail-top-up.ts'
import { invoiceOf } from './note-invoice.ts'
import { expanded, idOf, type Payments, type Settlement } from './payments.ts'
import { cardOf, saveCardOfSetup } from './saved-card.ts'

/**
 * Brings the books to what Stripe says of a Checkout Session now; may be called at any time, any number of times and by several at once. Throws what Stripe's
 * client or Postgres throws: nothing is changed then. Sessions that are none of a top-up or saved card of ours are left alone.
 */
export async function settleCheckout(payments: Payments, sessionId: string): Promise<Settlement> {
  const expand = ['payment_intent.latest_charge', 'payment_intent.payment_method', 'invoice', 'setup_intent.payment_method']
  const session = await payments.stripe.checkout.sessions.retrieve(sessionId, { expand })
  if (session.mode === 'setup') return saveCardOfSetup(payments, session)
  const topUpId = session.metadata?.topUpId
  if (session.mode !== 'payment' || topUpId === undefined) return 'unchanged'
  if (session.payment_status === 'unpaid') return settleUnpaid(payments, session, topUpId)
  return creditTopUp(payments, topUpId, paidBySession(session))
}

/**
 * As `settleCheckout`, for the PaymentIntent of an automatic top-up, which names it as `metadata.topUpId`; one of a Checkout Session is settled by its session.
 * A declined one changes nothing here: whoever confirmed it has been answered so.
 */
export async function settlePaymentIntent(payments: Payments, paymentIntentId: string): Promise<Settlement> {
  const intent = await payments.stripe.paymentIntents.retrieve(paymentIntentId, { expand: ['latest_charge'] })
  const { topUpId } = intent.metadata
  if (topUpId === undefined) return 'unchanged'
  const topUp = await findTopUp(payments.db, topUpId)
  if (topUp?.kind === 'checkout') return 'unchanged'
  if (intent.status === 'canceled' && topUp) return end(payments, topUp, 'failed')
  if (intent.status !== 'succeeded') return 'unchanged'
  return creditTopUp(payments, topUpId, {
    objectId: intent.id,
    livemode: intent.livemode,
    currency: intent.currency,
    subtotalCents: intent.amount,
    taxCents: 0,
    paidCents: intent.amount_received,
    customerId: idOf(intent.customer),
    sessionId: null,
    paymentIntentId: intent.id,
    receiptUrl: expanded(intent.latest_charge)?.receipt_url ?? null,
    invoice: null,
    card: null,
  })
}

/** A complete one that is unpaid waits for its bank, unless its payment has failed; an open one waits for its customer. */
async function settleUnpaid(payments: Payments, session: Stripe.Checkout.Session, topUpId: string): Promise<Settlement> {
  const intent = expanded(session.payment_intent)
  const hasFailed = session.status === 'complete' && (intent?.status === 'requires_payment_method' || intent?.status === 'canceled')
  const topUp = hasFailed || session.status === 'expired' ? await findTopUp(payments.db, topUpId) : null
  // Nobody paid, so that nothing is lost with a top-up that nobody knows.
  return topUp ? end(payments, topUp, hasFailed ? 'failed' : 'expired') : 'unchanged'
}

async function end({ transact, actor }: Payments, topUp: TopUpRow, failure: 'expired' | 'failed'): Promise<Settlement> {
  const { id: topUpId, organizationId, paymentIntentId } = topUp
  const failed = { topUpId, organizationId, failure, paymentIntentId }
  return (await transact((tx) => failTopUp(tx, actor, failed))) ? 'applied' : 'unchanged'
}

function paidBySession(session: Stripe.Checkout.Session) {
  const intent = expanded(session.payment_intent)
  const paymentMethod = expanded(intent?.payment_method)
  return {
    objectId: session.id,
    livemode: session.livemode,
    currency: session.currency,
    subtotalCents: session.amount_subtotal,
    taxCents: session.total_details?.amount_tax ?? 0,
    paidCents: session.amount_total,
    customerId: idOf(session.customer),
    sessionId: session.id,
    paymentIntentId: idOf(session.payment_intent),
    receiptUrl: expanded(intent?.latest_charge)?.receipt_url ?? null,
    invoice: invoiceOf(expanded(session.invoice)),
    card: paymentMethod && intent?.setup_future_usage === 'off_session' ? cardOf(paymentMethod) : null,
  }
}
