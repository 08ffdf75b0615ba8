import Stripe from 'stripe'
import { logFailure } from '#workers/edge/log.ts'
import { Problem } from '#workers/edge/problem.ts'

/**
 * What a call that threw left behind at Stripe: `refused` is nothing, by a rule that the same call breaks again; `key_reused` is what an earlier call under this
 * idempotency key left; after `unknown` anything may be there. Whatever is not Stripe's error is thrown on.
 */
export function fateOf(error: unknown): 'refused' | 'key_reused' | 'unknown' {
  if (!(error instanceof Stripe.errors.StripeError)) throw error
  if (error instanceof Stripe.errors.StripeIdempotencyError) return 'key_reused'
  if (error instanceof Stripe.errors.StripeInvalidRequestError || error instanceof Stripe.errors.StripeCardError) return 'refused'
  return 'unknown'
}

/** The problem that ends a request when a call of Stripe threw. */
export function stripeProblem(error: unknown): Problem {
  const fate = fateOf(error)
  logStripeFailure('stripe_call_failed', error)
  const detail =
    fate === 'unknown' ? 'Stripe could not be asked. Try again in a moment.' : 'Stripe refused what it was asked for. Contact support.'
  return new Problem('provider_unreachable', detail)
}

/** Stripe's words may quote what it was sent; what it calls its error does not. */
export function logStripeFailure(event: string, error: unknown, facts: Record<string, string> = {}): void {
  logFailure(event, error instanceof Stripe.errors.StripeError ? withoutWords(error) : error, facts)
}

function withoutWords({ type, statusCode, code, requestId }: InstanceType<typeof Stripe.errors.StripeError>): Error {
  return new Error([type, statusCode, code, requestId].filter((part) => part !== undefined).join(' '))
}
