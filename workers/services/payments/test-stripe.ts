import Stripe from 'stripe'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import type { StripeTest } from '#shared/contracts/stripe-settings.ts'
import { openStripe, type StripePlatform } from './open-stripe.ts'

/** Asks Stripe for the balance of the platform's account, which moves nothing; null when Stripe is not set up. */
export async function testStripe(platform: StripePlatform): Promise<StripeTest | null> {
  if (!(await readStripeSettings(platform.db))?.secretKey) return null
  const { stripe } = await openStripe(platform)
  try {
    const { livemode } = await stripe.balance.retrieve()
    return { outcome: 'works', answer: livemode ? 'live mode' : 'test mode' }
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error
    // Stripe's words may quote the key; its codes do not.
    const { type, statusCode, code } = error
    if (statusCode === undefined || statusCode >= 500)
      return { outcome: 'unreachable', answer: statusCode ? `status ${statusCode}` : 'no answer' }
    return { outcome: 'refused', answer: [`status ${statusCode}`, type, code].filter((part) => part !== undefined).join(', ') }
  }
}
