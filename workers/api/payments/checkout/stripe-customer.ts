import type Stripe from 'stripe'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { keepStripeCustomer, readBillingAccount } from '#db/queries/payments/billing-accounts.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import { assert } from '#shared/values/assert.ts'
import { sha256Hex } from '#shared/values/sha256.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { OpenedStripe } from '#workers/services/payments/open-stripe.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Caller } from '../../caller/caller.ts'
import { stripeProblem } from '../stripe-failure.ts'
import { pageTimeoutMs } from './limits.ts'

/**
 * The organization's customer at Stripe, made when it has none in the platform's mode. Of two that are made at once one is kept, and both callers get that one.
 * Throws 502 when Stripe does not make it.
 */
export async function stripeCustomerOf(
  platform: Platform,
  { stripe, settings: { livemode } }: OpenedStripe,
  organizationId: string,
  caller: Caller,
): Promise<string> {
  const known = await readBillingAccount(platform.db, organizationId)
  if (known?.stripeCustomerId) return known.stripeCustomerId
  const made = await makeCustomer(platform, stripe, { organizationId, livemode }, caller)
  const kept = await platform.transact(async (tx) => {
    await tx.execute(lockOrganizations([organizationId]))
    if (await keepStripeCustomer(tx, organizationId, made, livemode)) {
      const target = { type: 'stripe_customer', id: made }
      await recordChange(tx, platform.actor, { chain: { organizationId }, action: 'stripe_customer.created', target, after: { livemode } })
    }
    return readBillingAccount(tx, organizationId)
  })
  assert(kept?.stripeCustomerId, 'an account that has a customer of this mode keeps it')
  return kept.stripeCustomerId
}

async function makeCustomer(
  { db }: Platform,
  stripe: Stripe,
  { organizationId, livemode }: { organizationId: string; livemode: boolean },
  caller: Caller,
): Promise<string> {
  const organization = await readOrganization(db, organizationId)
  assert(organization, 'the guard has seen the organization')
  const email = caller.type === 'person' ? { email: caller.email } : {}
  const customer = { name: organization.name, ...email, metadata: { organizationId } }
  // Stripe refuses a key that comes with anything else than before, and another caller has another address.
  const digest = await sha256Hex(new TextEncoder().encode(JSON.stringify(customer)))
  const idempotencyKey = `customer-${organizationId}-${livemode ? 'live' : 'test'}-${digest}`
  try {
    return (await stripe.customers.create(customer, { idempotencyKey, timeout: pageTimeoutMs })).id
  } catch (error) {
    throw stripeProblem(error)
  }
}
