import type Stripe from 'stripe'
import { countOpenCheckouts, insertTopUp, noteCheckoutSession } from '#db/queries/payments/asked-top-ups.ts'
import type { NewTopUp } from '#shared/contracts/api/payments.ts'
import { nanosPerCent, type StripeSettings } from '#shared/contracts/stripe-settings.ts'
import { newId } from '#shared/values/id.ts'
import { formatUsd } from '#shared/values/money.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { openStripe } from '#workers/services/payments/open-stripe.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Caller, Scope } from '../../caller/caller.ts'
import type { Surroundings } from '../../env.ts'
import { lockScope } from '../../organizations/lock-scope.ts'
import { failTopUp } from '../fail-top-up.ts'
import { fateOf, stripeProblem } from '../stripe-failure.ts'
import { checkoutSeconds, maxOpenCheckouts, pageTimeoutMs } from './limits.ts'
import { pageUrl } from './page-url.ts'
import { stripeCustomerOf } from './stripe-customer.ts'

/** Who asks for a page of Stripe's, and with what. */
export interface Visit {
  surroundings: Surroundings
  platform: Platform
  scope: Scope
  caller: Caller
}

/**
 * Begins a top-up and answers the page on which it is paid. It is committed before Stripe hears of it, and the page is given away only when its session is noted:
 * what waits without one was never paid. Throws 502 when Stripe does not make the page.
 */
export async function createTopUp(visit: Visit, { amountNanos, savePaymentMethod }: NewTopUp): Promise<{ topUpId: string; url: string }> {
  const { surroundings, platform, scope, caller } = visit
  const { organizationId } = scope
  const opened = await openStripe(surroundings)
  refuseOutOfBounds(amountNanos, opened.settings)
  // Its customer outlives this request, and so is not of the transaction that takes an Idempotency-Key.
  const customer = await stripeCustomerOf({ ...platform, transact: surroundings.transact }, opened, organizationId, caller)
  const topUpId = newId('top')
  const { livemode } = opened.settings
  await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'billing.top_up')
    if ((await countOpenCheckouts(tx, organizationId, new Date(Date.now() - checkoutSeconds * 1_000))) >= maxOpenCheckouts)
      throw new Problem(
        'too_many_requests',
        `${maxOpenCheckouts} top-ups were begun within an hour and not paid. Pay one of them, or wait.`,
      )
    await insertTopUp(tx, { id: topUpId, organizationId, kind: 'checkout', amountNanos, livemode, createdBy: scope.callerId })
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'top_up.requested',
      target: { type: 'top_up', id: topUpId },
      after: { kind: 'checkout', amountNanos, savePaymentMethod },
    })
  })
  const wanted = { topUpId, organizationId, amountNanos, savePaymentMethod, customer }
  const session = await makeSession(visit, opened.stripe, sessionOf(wanted, opened.settings, surroundings.portalUrl))
  await noteCheckoutSession(platform.db, topUpId, session.id)
  return { topUpId, url: session.url }
}

/** The bounds of one top-up are the operator's choice. */
export function refuseOutOfBounds(amountNanos: number, { minTopUpNanos, maxTopUpNanos }: StripeSettings): void {
  if (amountNanos >= minTopUpNanos && amountNanos <= maxTopUpNanos) return
  const detail = `A top-up is of ${formatUsd(minTopUpNanos)} to ${formatUsd(maxTopUpNanos)} dollars.`
  throw new Problem('invalid_request', detail, [{ pointer: '#/amountNanos', detail: `must be from ${minTopUpNanos} to ${maxTopUpNanos}` }])
}

type Session = Stripe.Checkout.SessionCreateParams & { client_reference_id: string }

async function makeSession({ platform, scope }: Visit, stripe: Stripe, session: Session): Promise<{ id: string; url: string }> {
  const topUpId = session.client_reference_id
  try {
    const { id, url } = await stripe.checkout.sessions.create(session, { idempotencyKey: topUpId, timeout: pageTimeoutMs })
    return { id, url: pageUrl(url) }
  } catch (error) {
    const problem = stripeProblem(error)
    // A session of unknown fate may be there, but nobody has its page: it expires without having been paid.
    const which = { organizationId: scope.organizationId, topUpId, failure: 'failed', paymentIntentId: null } as const
    if (fateOf(error) === 'refused') await platform.transact((tx) => failTopUp(tx, platform.actor, which))
    throw problem
  }
}

interface Wanted {
  topUpId: string
  organizationId: string
  amountNanos: number
  savePaymentMethod: boolean
  customer: string
}

function sessionOf(wanted: Wanted, { automaticTax, collectTaxIds }: StripeSettings, portalUrl: string): Session {
  const { topUpId, organizationId, amountNanos, savePaymentMethod, customer } = wanted
  const metadata = { topUpId, organizationId }
  const price = { currency: 'usd', unit_amount: amountNanos / nanosPerCent, product_data: { name: 'Prepaid credit' } }
  return {
    mode: 'payment',
    customer,
    client_reference_id: topUpId,
    metadata,
    line_items: [{ quantity: 1, price_data: { ...price, ...(automaticTax && { tax_behavior: 'exclusive' }) } }],
    payment_intent_data: { metadata, ...(savePaymentMethod && { setup_future_usage: 'off_session' }) },
    // What is charged off session has to answer at once, as only cards do.
    ...(savePaymentMethod && { allowed_payment_method_types: ['card'] }),
    invoice_creation: { enabled: true, invoice_data: { metadata } },
    ...(automaticTax && { automatic_tax: { enabled: true } }),
    ...(collectTaxIds && { tax_id_collection: { enabled: true } }),
    ...((automaticTax || collectTaxIds) && { customer_update: { address: 'auto', name: 'auto' } }),
    success_url: `${portalUrl}/billing?topUp=${topUpId}`,
    cancel_url: `${portalUrl}/billing?canceled=${topUpId}`,
    expires_at: Math.floor(Date.now() / 1_000) + checkoutSeconds,
  }
}
