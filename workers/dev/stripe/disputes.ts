import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { BalanceTransaction, Charge, Dispute } from './objects.ts'
import { Text } from './parameters.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { route } from './route.ts'
import { newId, newObject, now } from './store.ts'
import { noRequest } from './webhooks.ts'

const List = z.strictObject({ ...listParameters, charge: Text.optional(), payment_intent: Text.optional() })

export const disputeRoutes = [
  route('GET /v1/disputes', List, ({ store }, parameters) => {
    const { charge, payment_intent: intent } = parameters
    const all = store
      .list('dispute')
      .filter((each) => (charge ?? each.charge) === each.charge && (intent ?? each.payment_intent) === each.payment_intent)
    return listPage('/v1/disputes', all, parameters)
  }),
  route('GET /v1/disputes/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('dispute', id)),
]

const answerSeconds = 9 * 86_400

/** The holder's bank takes the money back until it has decided. */
export function openDispute(peer: Peer, charge: Charge, amount: number): Dispute {
  if (charge.status !== 'succeeded' || charge.disputed || amount > charge.amount)
    throw invalidRequest(`Charge ${charge.id} cannot be disputed so.`)
  charge.disputed = true
  const begun = newObject('dispute', 'dp')
  const dispute = peer.store.add('dispute', {
    ...begun,
    amount,
    balance_transactions: [movement(begun.id, -amount, charge.currency, 'dispute')],
    charge: charge.id,
    currency: charge.currency,
    evidence_details: { due_by: now() + answerSeconds, has_evidence: false, past_due: false, submission_count: 0 },
    is_charge_refundable: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: 'fraudulent',
    status: 'needs_response',
  })
  peer.webhooks.record('charge.dispute.created', dispute, noRequest)
  peer.webhooks.record('charge.dispute.funds_withdrawn', dispute, noRequest)
  return dispute
}

/** Decided; of a dispute that was won the money comes back. */
export function closeDispute(peer: Peer, dispute: Dispute, status: 'won' | 'lost'): void {
  if (dispute.status !== 'needs_response') throw invalidRequest(`Dispute ${dispute.id} is ${dispute.status} already.`)
  dispute.status = status
  if (status === 'won') {
    dispute.balance_transactions.push(movement(dispute.id, dispute.amount, dispute.currency, 'dispute_reversal'))
    peer.webhooks.record('charge.dispute.funds_reinstated', dispute, noRequest)
  }
  peer.webhooks.record('charge.dispute.closed', dispute, noRequest)
}

function movement(
  source: string,
  amount: number,
  currency: string,
  category: BalanceTransaction['reporting_category'],
): BalanceTransaction {
  const id = newId('txn')
  return {
    id,
    object: 'balance_transaction',
    amount,
    created: now(),
    currency,
    net: amount,
    reporting_category: category,
    source,
    type: 'adjustment',
  }
}
