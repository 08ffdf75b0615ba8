import type Stripe from 'stripe'
import type { StripeSettings } from '#shared/contracts/stripe-settings.ts'
import { openStripe } from '#workers/services/payments/open-stripe.ts'
import type { Actor, Platform } from '#workers/services/platform.ts'
import type { Surroundings } from '../env.ts'

/** What settling a payment needs: the platform, in its own name, and Stripe. */
export interface Payments extends Platform {
  stripe: Stripe
  settings: StripeSettings
}

/** In whose name payments are settled. */
export const paymentsActor: Actor = { type: 'system', id: 'payments', ip: null, requestId: null }

/** Throws the problem `payments_off` when Stripe is not set up, and a `KekFailure` when its key cannot be opened. */
export async function openPayments(
  surroundings: Pick<Surroundings, 'db' | 'transact' | 'ledger' | 'keyRing' | 'stripeUrl'>,
): Promise<Payments> {
  const { db, transact, ledger } = surroundings
  return { db, transact, ledger, actor: paymentsActor, ...(await openStripe(surroundings)) }
}

/** What came of looking at an object of Stripe's: whether the books changed, and whether a person has to look at it. */
export type Settlement = 'applied' | 'unchanged' | 'set_aside'

/** The id of what Stripe may have expanded. */
export function idOf(reference: string | { id: string } | null | undefined): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null)
}

/** What Stripe was asked to expand; null when there is none. */
export function expanded<Value extends object>(reference: string | Value | null | undefined): Value | null {
  return typeof reference === 'object' ? reference : null
}
