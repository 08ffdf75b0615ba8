import type { Dispute, PaymentIntent, Refund } from './objects.ts'
import type { Attempt, WebhookMode } from './webhooks.ts'

export interface ControlledPayment {
  paymentIntent: string
  charge: string | null
  checkoutSession: string | null
  customer: string | null
  amount: number
  currency: string
  status: PaymentIntent['status']
  metadata: Record<string, string>
}

export interface SentEvent {
  id: string
  type: string
  created: number
  /** Id of what it is about. */
  objectId: string | null
  attempts: Attempt[]
}

export type PlannedCharges =
  | { outcome: 'decline'; declineCode?: string; times?: number }
  | { outcome: 'authentication_required' | 'answer_500' | 'hang' | 'cut'; times?: number }

/** A payment is named by its payment intent, its charge or its checkout session; amounts are cents, all of it when absent. */
export interface StripeControl {
  payments(): Promise<ControlledPayment[]>
  finish(payment: string, outcome: 'succeed' | 'fail'): Promise<PaymentIntent>
  refund(payment: string, amount?: number): Promise<Refund>
  failRefund(refundId: string): Promise<Refund>
  dispute(payment: string, amount?: number): Promise<Dispute>
  closeDispute(disputeId: string, outcome: 'won' | 'lost'): Promise<Dispute>
  planCharges(customerId: string, planned: PlannedCharges): Promise<void>
  expire(checkoutSessionId: string): Promise<void>
  setWebhooks(mode: WebhookMode): Promise<void>
  /** The newest first. */
  events(): Promise<SentEvent[]>
  sendAgain(eventId: string, times?: number): Promise<Attempt[]>
}

/** Tells the stand-in of Stripe at `url` what happens there. */
export function controlStripe(url: string): StripeControl {
  const send = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${url}/control/${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    // The peer writes this answer itself, from the same types.
    return (await response.json()) as T
  }
  return {
    payments: async () => (await send<{ payments: ControlledPayment[] }>('GET', 'payments')).payments,
    finish: (payment, outcome) => send('POST', `payments/${payment}/finish`, { outcome }),
    refund: (payment, amount) => send('POST', 'refunds', { payment, amount }),
    failRefund: (id) => send('POST', `refunds/${id}/fail`),
    dispute: (payment, amount) => send('POST', 'disputes', { payment, amount }),
    closeDispute: (id, outcome) => send('POST', `disputes/${id}/close`, { outcome }),
    planCharges: async (id, planned) => void (await send('POST', `customers/${id}/next-charges`, planned)),
    expire: async (id) => void (await send('POST', `checkout-sessions/${id}/expire`)),
    setWebhooks: async (mode) => void (await send('PUT', 'webhooks', { mode })),
    events: async () => (await send<{ events: SentEvent[] }>('GET', 'events')).events,
    sendAgain: async (id, times) => (await send<{ attempts: Attempt[] }>('POST', `events/${id}/send`, { times })).attempts,
  }
}
