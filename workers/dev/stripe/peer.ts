import type { HostedCheckout } from './hosted-checkout.ts'
import type { Cause } from './objects.ts'
import type { Order } from './orders.ts'
import type { Store } from './store.ts'
import type { TestCard } from './test-cards.ts'
import type { Webhooks } from './webhooks.ts'

/** What becomes of a customer's next payment off session. The last three take the money and lose the answer. */
export type NextCharge =
  | { outcome: 'decline'; declineCode: string }
  | { outcome: 'authentication_required' | 'answer_500' | 'hang' | 'cut' }

/** What the parts of this Stripe share. */
export interface Peer {
  /** Where it is reached; its pages are named by it. */
  url: string
  secretKey: string
  store: Store
  webhooks: Webhooks
  hosted: HostedCheckout
  /** How a payment method behaves, by its id. */
  cards: Map<string, TestCard>
  /** What a checkout session asked for, by its id. */
  orders: Map<string, Order>
  /** By customer, in the order of their payments. */
  nextCharges: Map<string, NextCharge[]>
}

/** One request to the API. */
export interface Call {
  /** What the path names, in its order. */
  ids: string[]
  cause: Cause
}
