import Stripe from 'stripe'
import { nanosPerCent } from '#shared/contracts/stripe-settings.ts'
import { fateOf, logStripeFailure } from '../stripe-failure.ts'

/** What Stripe said of a payment: that it is made or under way, that it failed, or nothing that can be known yet. */
export type Asked =
  | { outcome: 'taken'; paymentIntentId: string }
  | { outcome: 'failed'; failure: 'declined' | 'authentication_required' | 'failed'; paymentIntentId: string | null }
  | { outcome: 'unknown' }
  /** It was asked for before with another card, and what became of that has to be looked up. */
  | { outcome: 'key_reused' }

export interface Payment {
  topUpId: string
  organizationId: string
  amountNanos: number
}

/** Charges a saved card. However often it is called for one top-up within a day, there is one payment. */
export async function askPayment(
  stripe: Stripe,
  { topUpId, organizationId, amountNanos }: Payment,
  from: { stripeCustomerId: string; paymentMethodId: string },
): Promise<Asked> {
  try {
    const intent = await stripe.paymentIntents.create(
      {
        amount: amountNanos / nanosPerCent,
        currency: 'usd',
        customer: from.stripeCustomerId,
        payment_method: from.paymentMethodId,
        allowed_payment_method_types: ['card'],
        off_session: true,
        confirm: true,
        description: 'Prepaid credit, automatic top-up',
        metadata: { topUpId, organizationId, kind: 'automatic' },
      },
      { idempotencyKey: topUpId },
    )
    return outcomeOf(intent)
  } catch (error) {
    const fate = fateOf(error)
    logStripeFailure('automatic_top_up_failed', error, { topUpId })
    if (error instanceof Stripe.errors.StripeCardError) return outcomeOfCardError(error)
    return fate === 'refused' ? { outcome: 'failed', failure: 'failed', paymentIntentId: null } : { outcome: fate }
  }
}

/** What became of a payment whose id is known. */
export async function lookUpPayment(stripe: Stripe, paymentIntentId: string): Promise<Asked> {
  return outcomeOf(await stripe.paymentIntents.retrieve(paymentIntentId))
}

/** What became of a payment of which only the top-up is known; null when none ever reached Stripe. */
export async function findPayment(
  stripe: Stripe,
  stripeCustomerId: string,
  { topUpId, createdAtMs }: { topUpId: string; createdAtMs: number },
): Promise<Asked | null> {
  // Clocks differ a little.
  const created = { gte: Math.floor(createdAtMs / 1_000) - 600 }
  for await (const intent of stripe.paymentIntents.list({ customer: stripeCustomerId, created, limit: 100 }))
    if (intent.metadata.topUpId === topUpId) return outcomeOf(intent)
  return null
}

function outcomeOf({ id, status, last_payment_error: error }: Stripe.PaymentIntent): Asked {
  const paymentIntentId = id
  if (status === 'succeeded' || status === 'processing') return { outcome: 'taken', paymentIntentId }
  if (status === 'requires_action') return { outcome: 'failed', failure: 'authentication_required', paymentIntentId }
  if (status !== 'requires_payment_method') return { outcome: 'failed', failure: 'failed', paymentIntentId }
  return { outcome: 'failed', failure: failureOf(error?.code, error?.decline_code), paymentIntentId }
}

function outcomeOfCardError({ code, decline_code, payment_intent }: Stripe.errors.StripeCardError): Asked {
  return { outcome: 'failed', failure: failureOf(code, decline_code), paymentIntentId: payment_intent?.id ?? null }
}

function failureOf(code: string | undefined, declineCode: string | undefined): 'declined' | 'authentication_required' {
  return [code, declineCode].includes('authentication_required') ? 'authentication_required' : 'declined'
}
