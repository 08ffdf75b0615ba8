import { z } from 'zod'
import { Nanos } from '../../values/money.ts'
import { nanosPerCent, WholeCents } from '../stripe-settings.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'

const root = '/api/organizations/:organizationId/billing'

/** What Stripe can be asked for; how much of it is the operator's choice. */
const Amount = WholeCents.min(nanosPerCent)

export const NewTopUp = z.strictObject({
  amountNanos: Amount,
  /** Whether the card is kept for automatic top-ups. Only cards can be kept. */
  savePaymentMethod: z.boolean().default(false),
})
export type NewTopUp = z.output<typeof NewTopUp>

/** A payment into the balance, from the moment it was asked for. Amounts in cents are what Stripe counted; null until it is paid. */
export const TopUp = z.object({
  topUpId: z.string(),
  kind: z.enum(['checkout', 'automatic']),
  /** What the balance gets. Tax comes on top of it. */
  amountNanos: Nanos,
  /** `review`: it was paid otherwise than asked for, and the platform looks into it. */
  status: z.enum(['pending', 'succeeded', 'failed', 'review']),
  failure: z.enum(['declined', 'authentication_required', 'expired', 'failed']).nullable(),
  paidCents: z.int().nullable(),
  taxCents: z.int().nullable(),
  receiptUrl: z.string().nullable(),
  invoiceNumber: z.string().nullable(),
  invoiceUrl: z.string().nullable(),
  invoicePdfUrl: z.string().nullable(),
  /** How much of it went back, by refunds and disputes. */
  returnedNanos: Nanos,
  /** The user or management key that asked for it; null for an automatic one. */
  createdBy: z.string().nullable(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
})
export type TopUp = z.infer<typeof TopUp>

/** A page of Stripe's, to be opened by a person. */
const Page = z.object({ url: z.string() })

/** What is charged off session; null when nothing is saved. */
export const PaymentMethod = z.object({
  card: z.object({ brand: z.string(), last4: z.string(), expMonth: z.int(), expYear: z.int() }).nullable(),
})
export type PaymentMethod = z.infer<typeof PaymentMethod>

export const NewAutomaticTopUp = z
  .strictObject({
    enabled: z.boolean(),
    /** A balance below it is topped up. */
    thresholdNanos: Nanos,
    amountNanos: Amount,
    /** The most that is charged by itself in a UTC month. */
    monthlyCapNanos: Nanos,
  })
  .refine(({ amountNanos, monthlyCapNanos }) => monthlyCapNanos >= amountNanos, {
    path: ['monthlyCapNanos'],
    message: 'is less than one top-up',
  })
export type NewAutomaticTopUp = z.infer<typeof NewAutomaticTopUp>

/** Amounts are null until they were chosen. */
export const AutomaticTopUp = z.object({
  enabled: z.boolean(),
  thresholdNanos: Nanos.nullable(),
  amountNanos: Nanos.nullable(),
  monthlyCapNanos: Nanos.nullable(),
  /** What was charged by itself, or is about to be, in this UTC month; and whether another top-up would be more than the cap. */
  spentThisMonthNanos: z.int().min(0),
  isCapReached: z.boolean(),
  /** How many failed one after another, and when the next is tried; null when nothing holds it up, or it is off. */
  failures: z.int().min(0),
  retryAt: z.iso.datetime().nullable(),
  /** Why it was turned off, when no person did. */
  stoppedBecause: z.enum(['declined', 'authentication_required', 'payment_method_removed', 'payment_returned']).nullable(),
})
export type AutomaticTopUp = z.infer<typeof AutomaticTopUp>

export const paymentOperations = {
  createTopUp: operation({
    id: 'top_ups.create',
    method: 'POST',
    path: `${root}/top-ups`,
    access: 'billing.top_up',
    summary: 'Begins a top-up, and answers the page on which it is paid',
    description:
      'The amount is in whole cents. The page can be paid on for an hour. The balance grows when Stripe confirms the payment, mostly within seconds: the event `topup.succeeded` tells when.',
    body: NewTopUp,
    answer: z.object({ topUpId: z.string(), ...Page.shape }),
    status: 201,
    idempotent: 'answer',
  }),
  listTopUps: operation({
    id: 'top_ups.list',
    method: 'GET',
    path: `${root}/top-ups`,
    access: 'ledger.read',
    summary: 'Every top-up with its receipt and invoice, the newest first',
    query: PageQuery,
    answer: pageOf(TopUp),
  }),
  readTopUp: operation({
    id: 'top_ups.read',
    method: 'GET',
    path: `${root}/top-ups/:topUpId`,
    access: 'ledger.read',
    summary: 'One top-up',
    answer: TopUp,
  }),
  readPaymentMethod: operation({
    id: 'payment_method.read',
    method: 'GET',
    path: `${root}/payment-method`,
    access: 'billing.payment_method',
    summary: 'The saved card',
    answer: PaymentMethod,
  }),
  savePaymentMethod: operation({
    id: 'payment_method.save',
    method: 'POST',
    path: `${root}/payment-method`,
    access: 'billing.payment_method',
    summary: 'Answers the page on which a card is saved, in place of the one that is',
    answer: Page,
  }),
  removePaymentMethod: operation({
    id: 'payment_method.remove',
    method: 'DELETE',
    path: `${root}/payment-method`,
    access: 'billing.payment_method',
    summary: 'Removes the saved card, which turns automatic top-ups off',
    whileSuspended: true,
  }),
  openPortal: operation({
    id: 'billing_portal.open',
    method: 'POST',
    path: `${root}/portal`,
    access: 'billing.payment_method',
    summary: "Answers Stripe's page with an organization's invoices, cards and address",
    answer: Page,
  }),
  readAutomatic: operation({
    id: 'automatic_top_up.read',
    method: 'GET',
    path: `${root}/automatic-top-up`,
    access: 'ledger.read',
    summary: 'Whether and how the balance is topped up by itself',
    answer: AutomaticTopUp,
  }),
  replaceAutomatic: operation({
    id: 'automatic_top_up.replace',
    method: 'PUT',
    path: `${root}/automatic-top-up`,
    access: 'billing.payment_method',
    summary: 'Has the balance topped up by itself, or no longer',
    description:
      'Charges the saved card when the balance is below the threshold, one top-up at a time, within the cap of a UTC month. A declined one is tried again after 1, 6 and 24 hours, then it is turned off; at once when the bank asks for a person. Turning it on again forgets what failed.',
    body: NewAutomaticTopUp,
    answer: AutomaticTopUp,
  }),
}
