import type Stripe from 'stripe'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { listKnownReturns, listReturnsUnderWay, listTopUps } from '#db/queries/payments/settled-top-ups.ts'
import type { Settler } from './event-types.ts'
import { eventsAtOnce, reconcileBudgetMs, reconciledMs, returnDays } from './limits.ts'
import { openPayments, type Payments } from './payments.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'
import { type Settling, severalAtOnce } from './settle-events.ts'
import { settleDispute, settleRefund } from './settle-return.ts'
import { logStripeFailure } from './stripe-failure.ts'

/**
 * Compares the books with Stripe's lists of the last days, and settles what Postgres does not know of: events may be lost for days. Refunds and disputes that may
 * still come back are asked for however old their payment is. `cut_off` counts the lists that the time was too short for.
 */
export async function reconcilePayments(settling: Settling, nowMs: number): Promise<Record<string, number>> {
  if (!(await readStripeSettings(settling.db))?.secretKey) return {}
  const run = new Run(await openPayments(settling))
  const { stripe } = run.payments
  const created = { gte: Math.floor((nowMs - reconciledMs) / 1_000) }
  await run.list((page) => stripe.checkout.sessions.list({ ...page, created }), unsettledSessions, settleCheckout)
  await run.list((page) => stripe.paymentIntents.list({ ...page, created }), unsettledIntents, settlePaymentIntent)
  await run.list((page) => stripe.refunds.list({ ...page, created }), unsettledRefunds, settleRefund)
  await run.list((page) => stripe.disputes.list({ ...page, created }), unsettledDisputes, settleDispute)
  const underWay = await listReturnsUnderWay(settling.db, returnDays)
  await run.settle(underWay.filter(isOfRefund), settleRefund)
  await run.settle(
    underWay.filter((id) => !isOfRefund(id)),
    settleDispute,
  )
  return run.counts
}

function isOfRefund(id: string): boolean {
  return /^(re|pyr)_/.test(id)
}

interface Page {
  limit: number
  starting_after?: string
}

/** One comparison, within its time. */
class Run {
  readonly counts = { looked_at: 0, settled: 0, set_aside: 0, failed: 0, cut_off: 0 }
  readonly payments: Payments
  readonly #endsAtMs = Date.now() + reconcileBudgetMs

  constructor(payments: Payments) {
    this.payments = payments
  }

  /** Reads a list page by page, the newest first, and settles of each page what the books do not know. */
  async list<Item extends { id: string }>(
    read: (page: Page) => Promise<{ data: Item[]; has_more: boolean }>,
    unsettled: (payments: Payments, items: Item[]) => Promise<string[]>,
    settler: Settler,
  ): Promise<void> {
    for (let page: Page | null = { limit: 100 }; page; ) {
      const { data, has_more }: { data: Item[]; has_more: boolean } = await read(page)
      this.counts.looked_at += data.length
      await this.settle(await unsettled(this.payments, data), settler)
      const last: Item | undefined = data.at(-1)
      page = has_more && last ? { limit: 100, starting_after: last.id } : null
      if (page && Date.now() >= this.#endsAtMs) {
        this.counts.cut_off++
        return
      }
    }
  }

  async settle(objectIds: string[], settler: Settler): Promise<void> {
    await severalAtOnce(objectIds, eventsAtOnce, async (objectId) => {
      try {
        const settlement = await settler(this.payments, objectId)
        if (settlement !== 'unchanged') this.counts[settlement === 'applied' ? 'settled' : 'set_aside']++
      } catch (error) {
        this.counts.failed++
        logStripeFailure('payment_not_reconciled', error, { objectId })
      }
    })
  }
}

async function unsettledSessions({ db }: Payments, sessions: Stripe.Checkout.Session[]): Promise<string[]> {
  const ended = sessions.filter(({ status }) => status !== 'open')
  const known = new Map(
    (
      await listTopUps(
        db,
        ended.flatMap(({ metadata }) => metadata?.topUpId ?? []),
      )
    ).map((row) => [row.id, row]),
  )
  const isUnsettled = ({ id, mode, metadata, payment_status, invoice }: Stripe.Checkout.Session) => {
    if (mode === 'setup') return true
    if (metadata?.topUpId === undefined) return false
    const topUp = known.get(metadata.topUpId)
    if (!topUp || topUp.checkoutSessionId !== id) return true
    if (topUp.status === 'succeeded') return invoice !== null && topUp.invoiceNumber === null
    return topUp.status === 'pending' || (topUp.status === 'failed' && payment_status !== 'unpaid')
  }
  return ended.filter(isUnsettled).map(({ id }) => id)
}

async function unsettledIntents({ db }: Payments, intents: Stripe.PaymentIntent[]): Promise<string[]> {
  const ended = intents.filter(
    ({ status, metadata }) => metadata.topUpId !== undefined && (status === 'succeeded' || status === 'canceled'),
  )
  const known = new Map(
    (
      await listTopUps(
        db,
        ended.flatMap(({ metadata }) => metadata.topUpId ?? []),
      )
    ).map((row) => [row.id, row]),
  )
  const isUnsettled = ({ id, metadata, status }: Stripe.PaymentIntent) => {
    const topUp = known.get(metadata.topUpId ?? '')
    if (!topUp) return true
    if (topUp.kind === 'checkout') return false
    return topUp.status === 'pending' || (status === 'succeeded' && (topUp.status === 'failed' || topUp.paymentIntentId !== id))
  }
  return ended.filter(isUnsettled).map(({ id }) => id)
}

async function unsettledRefunds(payments: Payments, refunds: Stripe.Refund[]): Promise<string[]> {
  return unsettledReturns(payments, refunds, ({ status }) => status === 'failed' || status === 'canceled')
}

async function unsettledDisputes(payments: Payments, disputes: Stripe.Dispute[]): Promise<string[]> {
  return unsettledReturns(payments, disputes, ({ status }) => status === 'won')
}

/** Returns that nobody knows of, and those that came back since. */
async function unsettledReturns<Item extends { id: string }>(
  { db }: Payments,
  items: Item[],
  cameBack: (item: Item) => boolean,
): Promise<string[]> {
  const known = new Map(
    (
      await listKnownReturns(
        db,
        items.map(({ id }) => id),
      )
    ).map((row) => [row.id, row]),
  )
  const isUnsettled = (item: Item) => {
    const row = known.get(item.id)
    // What nobody knows of, and has come back by now, moves nothing.
    return row ? !row.cameBack && cameBack(item) : !cameBack(item)
  }
  return items.filter(isUnsettled).map(({ id }) => id)
}
