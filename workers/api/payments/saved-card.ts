import Stripe from 'stripe'
import type { Db } from '#db/client.ts'
import {
  type BillingAccountRow,
  changeBillingAccount,
  findBillingAccount,
  lockBillingAccount,
} from '#db/queries/payments/settled-top-ups.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { expanded, idOf, type Payments, type Settlement } from './payments.ts'

/** A payment method, with what may be shown of it. */
export interface SavedCard {
  paymentMethodId: string
  card: BillingAccountRow['card']
}

export function cardOf({ id, card }: Stripe.PaymentMethod): SavedCard {
  const shown = card ? { brand: card.brand, last4: card.last4, expMonth: card.exp_month, expYear: card.exp_year } : null
  return { paymentMethodId: id, card: shown }
}

/** Saves what a customer paid with, when they asked for that and nothing is saved. */
export async function saveFirstCard(payments: Payments, tx: Db, organizationId: string, saved: SavedCard): Promise<void> {
  const account = await lockBillingAccount(tx, organizationId)
  if (account && account.paymentMethodId === null) await save(payments, tx, account, saved)
}

/** Saves the payment method that a person set up, in place of what is saved. */
export async function saveCardOfSetup(payments: Payments, session: Stripe.Checkout.Session): Promise<Settlement> {
  const setup = expanded(session.setup_intent)
  const paymentMethod = expanded(setup?.payment_method)
  const stripeCustomerId = idOf(session.customer)
  if (setup?.status !== 'succeeded' || !paymentMethod || stripeCustomerId === null) return 'unchanged'
  const known = await findBillingAccount(payments.db, { stripeCustomerId })
  // One that was detached since must not come back, and neither must one from before what is saved now.
  if (known?.livemode !== session.livemode || idOf(paymentMethod.customer) !== stripeCustomerId) return 'unchanged'
  const before = known.paymentMethodId === null ? null : await attached(payments, known.paymentMethodId)
  if (before && (before.id === paymentMethod.id || before.created > paymentMethod.created)) return 'unchanged'
  return payments.transact(async (tx): Promise<Settlement> => {
    const account = await lockBillingAccount(tx, known.organizationId)
    // Somebody saved another in between: which of the two is the newer is for the next attempt to find out.
    if (!account || account.paymentMethodId !== known.paymentMethodId) throw new Error('the saved payment method was replaced in between')
    await save(payments, tx, account, cardOf(paymentMethod))
    return 'applied'
  })
}

/** Keeps to what Stripe says of a payment method that is saved: who detached it wants nothing to be paid with it. */
export async function settlePaymentMethod(payments: Payments, paymentMethodId: string): Promise<Settlement> {
  const known = await findBillingAccount(payments.db, { paymentMethodId })
  if (!known) return 'unchanged'
  const found = await attached(payments, paymentMethodId)
  return payments.transact(async (tx): Promise<Settlement> => {
    const account = await lockBillingAccount(tx, known.organizationId)
    if (account?.paymentMethodId !== paymentMethodId) return 'unchanged'
    if (!found) await forget(payments, tx, account)
    else if (isSameCard(account.card, cardOf(found).card)) return 'unchanged'
    else await save(payments, tx, account, cardOf(found))
    return 'applied'
  })
}

/** A payment method that is still some customer's; null when it was detached, or is gone. */
async function attached({ stripe }: Payments, paymentMethodId: string): Promise<Stripe.PaymentMethod | null> {
  try {
    const found = await stripe.paymentMethods.retrieve(paymentMethodId)
    return found.customer === null ? null : found
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing') return null
    throw error
  }
}

async function save({ actor }: Payments, tx: Db, account: BillingAccountRow, { paymentMethodId, card }: SavedCard): Promise<void> {
  const { organizationId } = account
  await changeBillingAccount(tx, organizationId, { paymentMethodId, card })
  const target = { type: 'payment_method', id: paymentMethodId }
  const before = account.paymentMethodId === null ? undefined : { paymentMethodId: account.paymentMethodId, card: account.card }
  const after = { paymentMethodId, card }
  await recordChange(tx, actor, { chain: { organizationId }, action: 'payment_method.saved', target, before, after })
}

async function forget({ actor }: Payments, tx: Db, { organizationId, paymentMethodId, card, automatic }: BillingAccountRow): Promise<void> {
  const stopped = automatic ? { automatic: false, stoppedBecause: 'payment_method_removed' as const } : {}
  await changeBillingAccount(tx, organizationId, { paymentMethodId: null, card: null, ...stopped })
  const target = { type: 'payment_method', id: paymentMethodId ?? '' }
  const [before, after] = [{ card, automatic }, { automatic: false }]
  await recordChange(tx, actor, { chain: { organizationId }, action: 'payment_method.removed', target, before, after })
}

function isSameCard(one: SavedCard['card'], other: SavedCard['card']): boolean {
  const partsOf = (card: SavedCard['card']) => JSON.stringify(card && [card.brand, card.last4, card.expMonth, card.expYear])
  return partsOf(one) === partsOf(other)
}
