import Stripe from 'stripe'
import { forgetPaymentMethod, readBillingAccount } from '#db/queries/payments/billing-accounts.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { openStripe } from '#workers/services/payments/open-stripe.ts'
import { lockScope } from '../../organizations/lock-scope.ts'
import { stripeProblem } from '../stripe-failure.ts'
import type { Visit } from './create-top-up.ts'
import { pageTimeoutMs } from './limits.ts'
import { pageUrl } from './page-url.ts'
import { stripeCustomerOf } from './stripe-customer.ts'

/** Answers the page on which a card is saved; settlement keeps it once that is done. Throws 502 when Stripe does not make the page. */
export async function openSetupPage({ surroundings, platform, scope, caller }: Visit): Promise<{ url: string }> {
  const { organizationId } = scope
  const opened = await openStripe(surroundings)
  const customer = await stripeCustomerOf(platform, opened, organizationId, caller)
  const metadata = { organizationId }
  const session: Stripe.Checkout.SessionCreateParams = {
    mode: 'setup',
    customer,
    allowed_payment_method_types: ['card'],
    metadata,
    setup_intent_data: { metadata },
    success_url: `${surroundings.portalUrl}/billing?paymentMethod=saved`,
    cancel_url: `${surroundings.portalUrl}/billing?paymentMethod=canceled`,
  }
  try {
    const { url } = await opened.stripe.checkout.sessions.create(session, { timeout: pageTimeoutMs })
    return { url: pageUrl(url) }
  } catch (error) {
    throw stripeProblem(error)
  }
}

/** Removes the saved card, at Stripe first: what cannot be detached there stays, to be removed by another try. It turns automatic top-ups off. */
export async function removePaymentMethod({ surroundings, platform, scope }: Visit): Promise<void> {
  const { organizationId } = scope
  const known = await readBillingAccount(platform.db, organizationId)
  if (!known?.paymentMethodId) throw new Problem('not_found', 'The organization has no saved payment method.')
  const { paymentMethodId } = known
  const { stripe } = await openStripe(surroundings)
  await detach(stripe, paymentMethodId)
  await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'billing.payment_method')
    const before = await readBillingAccount(tx, organizationId)
    if (!before || !(await forgetPaymentMethod(tx, organizationId, paymentMethodId))) return
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'payment_method.removed',
      target: { type: 'payment_method', id: paymentMethodId },
      before: { card: before.card, automatic: before.automatic },
      after: { automatic: false },
    })
  })
}

async function detach(stripe: Stripe, paymentMethodId: string): Promise<void> {
  try {
    await stripe.paymentMethods.detach(paymentMethodId, {}, { timeout: pageTimeoutMs })
  } catch (error) {
    // It is detached already, or gone.
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw stripeProblem(error)
  }
}

/** Answers Stripe's page with what an organization has there. Throws 409 when it has nothing, and 502 when Stripe does not make the page. */
export async function openPortal({ surroundings, platform, scope }: Visit): Promise<{ url: string }> {
  const known = await readBillingAccount(platform.db, scope.organizationId)
  if (!known?.stripeCustomerId) throw new Problem('conflict', 'There is nothing to show yet: top up, or save a card, first.')
  const { stripe } = await openStripe(surroundings)
  const page = { customer: known.stripeCustomerId, return_url: `${surroundings.portalUrl}/billing` }
  try {
    const { url } = await stripe.billingPortal.sessions.create(page, { timeout: pageTimeoutMs })
    return { url }
  } catch (error) {
    throw stripeProblem(error)
  }
}
