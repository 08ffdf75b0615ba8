import { createCustomer } from './customers.ts'
import { invoiceOf } from './invoices.ts'
import type { CheckoutSession, Customer, PaymentIntent, PaymentMethod } from './objects.ts'
import type { PaymentOrder } from './orders.ts'
import { mergeMetadata } from './parameters.ts'
import { attach } from './payment-methods.ts'
import { decline, fail, openPayment, pay, succeed } from './payments.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { newId, newObject } from './store.ts'
import { newPaymentMethod } from './test-cards.ts'
import { noRequest } from './webhooks.ts'

/** What a person chose at the page of a session. */
export interface Chosen {
  /** Name of a test card. */
  card: string
  email: string | null
}

/** Completes an open session, as a person does by its page. Returns what the page has to say when the card is declined: the session stays open. */
export function completeSession(peer: Peer, session: CheckoutSession, { card, email }: Chosen): string | null {
  const order = peer.orders.get(session.id)
  if (!order || session.status !== 'open') throw invalidRequest(`Checkout session ${session.id} is not open.`)
  const given = email ?? session.customer_email
  const method = newPaymentMethod(peer, card, given, 'payment_method')
  if (!session.payment_method_types.includes(method.type)) throw invalidRequest(`Checkout session ${session.id} takes no ${method.type}.`)
  const behaviour = peer.cards.get(method.id)
  if ('hostedId' in order) {
    const intent = intentOf(peer, session, order.parameters)
    if (behaviour?.declineCode !== undefined) {
      const reason = { code: 'card_declined', declineCode: behaviour.declineCode } as const
      return decline(peer, intent, method, reason, noRequest).message
    }
    const customer = customerOf(peer, session, given, needsCustomer(order.parameters))
    intent.customer = customer?.id ?? null
    if (customer && order.parameters.customer_update?.address === 'auto') customer.address ??= pageAddress
    if (customer && intent.setup_future_usage !== null) attach(peer, method, customer.id, noRequest)
    pay(peer, intent, method, noRequest)
  } else {
    const customer = customerOf(peer, session, given, true)
    setUp(peer, session, method, customer, order.parameters.setup_intent_data ?? {})
  }
  complete(peer, session, given)
  return null
}

/** The money of a delayed payment arrives, or does not. */
export function finishDelayed(peer: Peer, intent: PaymentIntent, outcome: 'succeed' | 'fail'): void {
  if (intent.status !== 'processing') throw invalidRequest(`Payment ${intent.id} is ${intent.status}, so nothing of it is under way.`)
  const charge = peer.store.need('charge', intent.latest_charge)
  const session = peer.store.list('checkout.session').find((each) => each.payment_intent === intent.id)
  if (outcome === 'fail') {
    const method = peer.store.need('payment_method', charge.payment_method)
    fail(peer, intent, charge, method, { code: 'card_declined', declineCode: 'insufficient_funds' }, noRequest)
    if (session) peer.webhooks.record('checkout.session.async_payment_failed', session, noRequest)
    return
  }
  succeed(peer, intent, charge, noRequest)
  if (!session) return
  markPaid(peer, session)
  peer.webhooks.record('checkout.session.async_payment_succeeded', session, noRequest)
}

/** A declined try leaves the payment for the next one. */
function intentOf(peer: Peer, session: CheckoutSession, { payment_intent_data: data = {} }: PaymentOrder): PaymentIntent {
  const earlier = peer.store.find('payment_intent', session.payment_intent)
  if (earlier) return earlier
  const intent = openPayment(peer, {
    amount: session.amount_total ?? 0,
    currency: session.currency ?? 'usd',
    customer: session.customer,
    description: data.description ?? null,
    metadata: mergeMetadata({}, data.metadata),
    receiptEmail: data.receipt_email ?? null,
    setupFutureUsage: data.setup_future_usage ?? null,
  })
  session.payment_intent = intent.id
  return intent
}

function needsCustomer({ customer_creation: creation, invoice_creation: invoice, payment_intent_data: data }: PaymentOrder): boolean {
  return creation === 'always' || invoice?.enabled === true || data?.setup_future_usage !== undefined
}

function customerOf(peer: Peer, session: CheckoutSession, email: string | null, needed: boolean): Customer | undefined {
  const known = peer.store.find('customer', session.customer)
  if (known || !needed) return known
  const made = createCustomer(peer, { email }, noRequest)
  session.customer = made.id
  return made
}

function setUp(
  peer: Peer,
  session: CheckoutSession,
  method: PaymentMethod,
  customer: Customer | undefined,
  data: { description?: string | undefined; metadata?: Record<string, string> | undefined },
): void {
  if (customer) attach(peer, method, customer.id, noRequest)
  const begun = newObject('setup_intent', 'seti')
  const intent = peer.store.add('setup_intent', {
    ...begun,
    client_secret: `${begun.id}_${newId('secret')}`,
    customer: customer?.id ?? null,
    description: data.description ?? null,
    last_setup_error: null,
    latest_attempt: null,
    metadata: mergeMetadata({}, data.metadata),
    payment_method: method.id,
    payment_method_types: session.payment_method_types,
    status: 'succeeded',
    usage: 'off_session',
  })
  session.setup_intent = intent.id
  peer.webhooks.record('setup_intent.succeeded', intent, noRequest)
}

function complete(peer: Peer, session: CheckoutSession, email: string | null): void {
  const customer = peer.store.find('customer', session.customer)
  session.status = 'complete'
  session.url = null
  session.customer_details = { email: customer?.email ?? email, name: customer?.name ?? null, phone: null, tax_exempt: 'none', tax_ids: [] }
  if (peer.store.find('payment_intent', session.payment_intent)?.status === 'succeeded') markPaid(peer, session)
  peer.webhooks.record('checkout.session.completed', session, noRequest)
}

function markPaid(peer: Peer, session: CheckoutSession): void {
  session.payment_status = 'paid'
  const order = peer.orders.get(session.id)
  const customer = peer.store.find('customer', session.customer)
  if (!customer || !order || !('hostedId' in order) || !order.parameters.invoice_creation?.enabled) return
  session.invoice = invoiceOf(peer, session, customer, order.parameters.invoice_creation.invoice_data ?? {}).id
}

/** What a person is taken to have typed at the page. */
const pageAddress = { city: 'San Francisco', country: 'US', line1: '1 Market Street', line2: null, postal_code: '94105', state: 'CA' }
