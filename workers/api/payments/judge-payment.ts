import type { NewFinding } from '#db/queries/payments/findings.ts'
import type { BillingAccountRow, TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { nanosPerCent } from '#shared/contracts/stripe-settings.ts'
import type { Invoice } from './note-invoice.ts'
import type { SavedCard } from './saved-card.ts'

/** A payment that Stripe says was made. Cents; null is what Stripe does not tell. */
export interface Paid {
  /** Id at Stripe of what was looked at: a session or a payment intent. */
  objectId: string
  livemode: boolean
  currency: string | null
  /** Without tax, and before any discount. */
  subtotalCents: number | null
  taxCents: number
  /** All that was paid. */
  paidCents: number | null
  customerId: string | null
  /** Null when no Checkout Session was paid. */
  sessionId: string | null
  paymentIntentId: string | null
  receiptUrl: string | null
  invoice: Invoice | null
  /** What the customer wants to have saved. */
  card: SavedCard | null
}

/** What of a payment is not as it was asked for, so that a person has to look at it; null when it is right. */
export function judgePayment(
  paid: Paid,
  topUp: TopUpRow,
  account: Pick<BillingAccountRow, 'stripeCustomerId'> | null,
  livemode: boolean,
): Pick<NewFinding, 'reason' | 'details'> | null {
  if (paid.livemode !== livemode || paid.livemode !== topUp.livemode)
    return { reason: 'wrong_mode', details: { livemode, topUpLivemode: topUp.livemode, foundLivemode: paid.livemode } }
  if (paid.currency !== 'usd') return { reason: 'wrong_currency', details: { expected: 'usd', found: paid.currency } }
  const cents = topUp.amountNanos / nanosPerCent
  const { subtotalCents, taxCents, paidCents } = paid
  if (subtotalCents !== cents || paidCents !== cents + taxCents || taxCents < 0)
    return { reason: 'wrong_amount', details: { expectedCents: cents, subtotalCents, taxCents, paidCents } }
  const expected = account?.stripeCustomerId ?? null
  if (expected === null || paid.customerId !== expected) return { reason: 'wrong_customer', details: { expected, found: paid.customerId } }
  return null
}
