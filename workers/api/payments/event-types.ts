import { settleInvoice } from './note-invoice.ts'
import type { Payments, Settlement } from './payments.ts'
import { settlePaymentMethod } from './saved-card.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'
import { settleDispute, settleRefund, settleRefundsOfCharge } from './settle-return.ts'

/** Brings the books to what Stripe says of an object now, by its id. */
export type Settler = (payments: Payments, objectId: string) => Promise<Settlement>

/** What is looked at when an event of a type comes. */
const settlers: Record<string, Settler> = {
  'checkout.session.completed': settleCheckout,
  'checkout.session.async_payment_succeeded': settleCheckout,
  'checkout.session.async_payment_failed': settleCheckout,
  'checkout.session.expired': settleCheckout,
  'payment_intent.succeeded': settlePaymentIntent,
  'payment_intent.canceled': settlePaymentIntent,
  'invoice.paid': settleInvoice,
  'payment_method.detached': settlePaymentMethod,
  'payment_method.updated': settlePaymentMethod,
  'payment_method.automatically_updated': settlePaymentMethod,
  'charge.refunded': settleRefundsOfCharge,
  'charge.refund.updated': settleRefund,
  'refund.created': settleRefund,
  'refund.updated': settleRefund,
  'refund.failed': settleRefund,
  'charge.dispute.created': settleDispute,
  'charge.dispute.updated': settleDispute,
  'charge.dispute.closed': settleDispute,
  'charge.dispute.funds_withdrawn': settleDispute,
  'charge.dispute.funds_reinstated': settleDispute,
}

/** Undefined for a type that nothing depends on. */
export function settlerOf(type: string): Settler | undefined {
  return Object.hasOwn(settlers, type) ? settlers[type] : undefined
}
