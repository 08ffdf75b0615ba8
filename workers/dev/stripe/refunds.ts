import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { Cause, Charge, Refund, StringRecord } from './objects.ts'
import { Amount, Metadata, mergeMetadata, Text } from './parameters.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { route } from './route.ts'
import { newId, now, type Store } from './store.ts'

const NewRefund = z.strictObject({
  payment_intent: Text.optional(),
  charge: Text.optional(),
  amount: Amount.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata: Metadata.optional(),
})
const List = z.strictObject({ ...listParameters, charge: Text.optional(), payment_intent: Text.optional() })

export const refundRoutes = [
  route('POST /v1/refunds', NewRefund, (peer, parameters, { cause }) => {
    const { amount, reason = null, metadata } = parameters
    const charge = chargeOf(peer.store, parameters)
    return refund(peer, charge, { amount: amount ?? null, reason, metadata: mergeMetadata({}, metadata) }, cause)
  }),
  route('GET /v1/refunds', List, ({ store }, parameters) => {
    const { charge, payment_intent: intent } = parameters
    const all = store
      .list('refund')
      .filter((each) => (charge ?? each.charge) === each.charge && (intent ?? each.payment_intent) === each.payment_intent)
    return listPage('/v1/refunds', all, parameters)
  }),
  route('GET /v1/refunds/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('refund', id)),
]

export interface RefundWish {
  /** Null: all that was not given back yet. */
  amount: number | null
  reason: string | null
  metadata: StringRecord
}

/** Gives money of a charge back. Refuses what Stripe would: more than is left, or a charge under dispute. */
export function refund(peer: Peer, charge: Charge, { amount, reason, metadata }: RefundWish, cause: Cause): Refund {
  const left = charge.amount - charge.amount_refunded
  const wanted = amount ?? left
  if (charge.status !== 'succeeded') throw invalidRequest(`Charge ${charge.id} does not have a successful payment to refund.`)
  if (charge.disputed)
    throw invalidRequest(`Charge ${charge.id} has been charged back; cannot issue a refund.`, { code: 'charge_disputed' })
  if (left === 0) throw invalidRequest(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' })
  if (wanted < 1) throw invalidRequest('Invalid positive integer', { code: 'parameter_invalid_integer', param: 'amount' })
  if (wanted > left) {
    throw invalidRequest(`Refund amount (${dollars(wanted)}) is greater than unrefunded amount on charge (${dollars(left)})`, {
      param: 'amount',
    })
  }
  const made = peer.store.add('refund', {
    id: newId('re'),
    object: 'refund',
    amount: wanted,
    balance_transaction: newId('txn'),
    charge: charge.id,
    created: now(),
    currency: charge.currency,
    customer: charge.customer,
    metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason,
    receipt_number: null,
    status: 'succeeded',
  })
  count(charge, wanted)
  peer.webhooks.record('refund.created', made, cause)
  peer.webhooks.record('charge.refunded', charge, cause)
  return made
}

/** The bank sent the money back, days later: the charge counts it as not refunded. */
export function failRefund(peer: Peer, failed: Refund, cause: Cause): void {
  if (failed.status === 'failed') throw invalidRequest(`Refund ${failed.id} has failed already.`)
  failed.status = 'failed'
  failed.failure_reason = 'lost_or_stolen_card'
  failed.failure_balance_transaction = newId('txn')
  const charge = peer.store.need('charge', failed.charge)
  count(charge, -failed.amount)
  for (const type of ['refund.updated', 'refund.failed', 'charge.refund.updated']) peer.webhooks.record(type, failed, cause)
}

function count(charge: Charge, cents: number): void {
  charge.amount_refunded += cents
  charge.refunded = charge.amount_refunded === charge.amount
}

function chargeOf(store: Store, { charge, payment_intent: intent }: z.output<typeof NewRefund>): Charge {
  if ((charge === undefined) === (intent === undefined))
    throw invalidRequest('One of the following params should be provided for this request: payment_intent or charge.', {
      code: 'parameter_missing',
    })
  if (charge !== undefined) return store.need('charge', charge, 'charge')
  const found = store.find('charge', store.need('payment_intent', intent ?? null, 'payment_intent').latest_charge)
  if (!found) throw invalidRequest(`This PaymentIntent (${intent}) does not have a successful charge to refund.`)
  return found
}

function dollars(cents: number): string {
  return `$${(cents / 100).toFixed(2)}`
}
