import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { PaymentIntent, PaymentMethod } from './objects.ts'
import { Amount, Currency, Flag, listOf, Metadata, mergeMetadata, requireChargeable, Text } from './parameters.ts'
import { type Decline, decline, openPayment, pay } from './payments.ts'
import type { Call, NextCharge, Peer } from './peer.ts'
import { invalidRequest, LostAnswer, StripeRefusal } from './refusal.ts'
import { route } from './route.ts'

/** Payments without their person only: whatever else begins at a page of a checkout session. */
const NewPaymentIntent = z.strictObject({
  amount: Amount,
  currency: Currency,
  customer: Text,
  payment_method: Text,
  confirm: z.literal('true', 'this stand-in plays true only'),
  off_session: z.literal('true', 'this stand-in plays true only'),
  description: Text.optional(),
  metadata: Metadata.optional(),
  receipt_email: z.email().optional(),
  statement_descriptor_suffix: z.string().min(1).max(22).optional(),
  error_on_requires_action: Flag.optional(),
  allowed_payment_method_types: listOf(z.enum(['card', 'us_bank_account'])).optional(),
  automatic_payment_methods: z.strictObject({ enabled: Flag, allow_redirects: z.enum(['always', 'never']).optional() }).optional(),
})

const List = z.strictObject({ ...listParameters, customer: Text.optional() })

export const paymentIntentRoutes = [
  route('POST /v1/payment_intents', NewPaymentIntent, createPaymentIntent),
  route('GET /v1/payment_intents', List, ({ store }, parameters) => {
    const { customer } = parameters
    if (customer !== undefined) store.need('customer', customer, 'customer')
    const all = store.list('payment_intent').filter((each) => customer === undefined || each.customer === customer)
    return listPage('/v1/payment_intents', all, parameters)
  }),
  route('GET /v1/payment_intents/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('payment_intent', id)),
]

function createPaymentIntent(peer: Peer, parameters: z.output<typeof NewPaymentIntent>, { cause }: Call): PaymentIntent {
  const { amount, currency, allowed_payment_method_types: types } = parameters
  requireChargeable(amount, 'amount')
  const customer = peer.store.need('customer', parameters.customer, 'customer')
  const method = peer.store.need('payment_method', parameters.payment_method, 'payment_method')
  if (method.customer !== customer.id) {
    const message = `The customer does not have a payment method with the ID ${method.id}. The payment method must be attached to the customer.`
    throw invalidRequest(message, { code: 'resource_missing', param: 'payment_method' })
  }
  if (types && !types.includes(method.type)) throw invalidRequest(`The payment method ${method.id} is none of the allowed types.`)
  const intent = openPayment(peer, {
    amount,
    currency,
    customer: customer.id,
    description: parameters.description ?? null,
    metadata: mergeMetadata({}, parameters.metadata),
    receiptEmail: parameters.receipt_email ?? null,
    setupFutureUsage: null,
  })
  const next = peer.nextCharges.get(customer.id)?.shift()
  const reason = declineOf(peer, method, next)
  if (reason) {
    const { message, code, decline_code, charge } = decline(peer, intent, method, reason, cause)
    const details = { code, decline_code, charge, payment_intent: intent, payment_method: method }
    throw new StripeRefusal(402, 'card_error', message, structuredClone(details))
  }
  pay(peer, intent, method, cause)
  if (next?.outcome === 'answer_500' || next?.outcome === 'hang' || next?.outcome === 'cut') throw new LostAnswer(next.outcome, intent)
  return intent
}

/** What is planned for the payment comes before what the card does. */
function declineOf(peer: Peer, method: PaymentMethod, next: NextCharge | undefined): Decline | null {
  const card = peer.cards.get(method.id)
  if (next?.outcome === 'decline') return { code: 'card_declined', declineCode: next.declineCode }
  if (next?.outcome === 'authentication_required' || card?.asks)
    return { code: 'authentication_required', declineCode: 'authentication_required' }
  return card?.declineCode === undefined ? null : { code: 'card_declined', declineCode: card.declineCode }
}
