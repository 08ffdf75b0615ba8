import type { Cause, Charge, PaymentError, PaymentIntent, PaymentMethod, StringRecord } from './objects.ts'
import type { Peer } from './peer.ts'
import { newId, newObject } from './store.ts'

export interface NewPayment {
  amount: number
  currency: string
  customer: string | null
  description: string | null
  metadata: StringRecord
  receiptEmail: string | null
  setupFutureUsage: PaymentIntent['setup_future_usage']
}

/** A payment that nobody has paid yet. */
export function openPayment(peer: Peer, payment: NewPayment): PaymentIntent {
  const begun = newObject('payment_intent', 'pi')
  return peer.store.add('payment_intent', {
    ...begun,
    amount: payment.amount,
    amount_capturable: 0,
    amount_received: 0,
    canceled_at: null,
    capture_method: 'automatic_async',
    client_secret: `${begun.id}_${newId('secret')}`,
    confirmation_method: 'automatic',
    currency: payment.currency,
    customer: payment.customer,
    description: payment.description,
    last_payment_error: null,
    latest_charge: null,
    metadata: payment.metadata,
    next_action: null,
    payment_method: null,
    payment_method_types: ['card', 'us_bank_account'],
    receipt_email: payment.receiptEmail,
    setup_future_usage: payment.setupFutureUsage,
    status: 'requires_payment_method',
  })
}

export interface Decline {
  code: 'card_declined' | 'authentication_required'
  declineCode: string
}

/** Pays by a card. By a bank account the money is under way until `succeed` or `fail`. */
export function pay(peer: Peer, intent: PaymentIntent, method: PaymentMethod, cause: Cause): void {
  const charge = newCharge(peer, intent, method)
  intent.payment_method = method.id
  intent.latest_charge = charge.id
  intent.last_payment_error = null
  if (method.type === 'us_bank_account') {
    intent.status = 'processing'
    peer.webhooks.record('payment_intent.processing', intent, cause)
    peer.webhooks.record('charge.pending', charge, cause)
    return
  }
  succeed(peer, intent, charge, cause)
}

/** The money has arrived. */
export function succeed(peer: Peer, intent: PaymentIntent, charge: Charge, cause: Cause): void {
  charge.status = 'succeeded'
  charge.paid = true
  charge.captured = true
  charge.amount_captured = charge.amount
  charge.balance_transaction = newId('txn')
  charge.receipt_url = `${peer.url}/receipts/${charge.id}`
  intent.status = 'succeeded'
  intent.amount_received = intent.amount
  peer.webhooks.record('charge.succeeded', charge, cause)
  peer.webhooks.record('payment_intent.succeeded', intent, cause)
}

/** A try that took no money; another may follow. */
export function decline(peer: Peer, intent: PaymentIntent, method: PaymentMethod, reason: Decline, cause: Cause): PaymentError {
  return fail(peer, intent, newCharge(peer, intent, method), method, reason, cause)
}

/** The money does not come. */
export function fail(
  peer: Peer,
  intent: PaymentIntent,
  charge: Charge,
  method: PaymentMethod,
  { code, declineCode }: Decline,
  cause: Cause,
): PaymentError {
  const message =
    code === 'authentication_required'
      ? 'Your card was declined. This transaction requires authentication.'
      : declineCode === 'insufficient_funds'
        ? 'Your card has insufficient funds.'
        : 'Your card was declined.'
  charge.status = 'failed'
  charge.failure_code = code
  charge.failure_message = message
  charge.outcome = { ...charge.outcome, network_status: 'declined_by_network', reason: declineCode, type: 'issuer_declined' }
  const error: PaymentError = {
    type: 'card_error',
    code,
    decline_code: declineCode,
    message,
    charge: charge.id,
    payment_method: structuredClone(method),
  }
  intent.latest_charge = charge.id
  intent.payment_method = null
  intent.status = 'requires_payment_method'
  intent.last_payment_error = error
  peer.webhooks.record('charge.failed', charge, cause)
  peer.webhooks.record('payment_intent.payment_failed', intent, cause)
  return error
}

function newCharge(peer: Peer, intent: PaymentIntent, method: PaymentMethod): Charge {
  const { type, card, us_bank_account: account } = method
  return peer.store.add('charge', {
    ...newObject('charge', 'ch'),
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    balance_transaction: null,
    billing_details: method.billing_details,
    captured: false,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    metadata: { ...intent.metadata },
    outcome: {
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: false,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: { type, ...(card && { card }), ...(account && { us_bank_account: account }) },
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    status: 'pending',
  })
}
