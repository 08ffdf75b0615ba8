import Stripe from 'stripe'
import type { Db } from '#db/client.ts'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { type StripeSettings, stripeKeyPlace } from '#shared/contracts/stripe-settings.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { OpenedSecrets } from '../secrets/opened-secrets.ts'

export interface StripePlatform {
  db: Db
  keyRing(): KeyRing
  /** Origin of Stripe's API. */
  stripeUrl: string
}

export interface OpenedStripe {
  stripe: Stripe
  settings: StripeSettings
}

/** How long one call of Stripe may take, in milliseconds. */
const stripeTimeoutMs = 20_000

const opened = new OpenedSecrets()

/**
 * Stripe as the platform's settings say. Its client tries nothing again by itself: whoever calls does, under an idempotency key. Throws the problem
 * `payments_off` when Stripe is not set up, and a `KekFailure` when its key cannot be opened.
 */
export async function openStripe({ db, keyRing, stripeUrl }: StripePlatform): Promise<OpenedStripe> {
  const stored = await readStripeSettings(db)
  if (!stored?.secretKey) throw new Problem('payments_off', 'This platform takes no payments yet: its operator has not set up Stripe.')
  const key = await opened.open(keyRing, stripeKeyPlace, stored.secretKey)
  return { stripe: stripeClient(key, stripeUrl), settings: stored.settings }
}

/** A client that speaks to this origin with this key. */
export function stripeClient(key: string, stripeUrl: string): Stripe {
  const { hostname, port, protocol } = new URL(stripeUrl)
  return new Stripe(key, {
    host: hostname,
    ...(port !== '' && { port }),
    protocol: protocol === 'http:' ? 'http' : 'https',
    httpClient: Stripe.createFetchHttpClient(),
    maxNetworkRetries: 0,
    timeout: stripeTimeoutMs,
    telemetry: false,
  })
}
