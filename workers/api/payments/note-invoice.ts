import type Stripe from 'stripe'
import type { Db } from '#db/client.ts'
import { changeTopUp, lockTopUp, type TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Payments, Settlement } from './payments.ts'

export interface Invoice {
  number: string
  url: string | null
  pdfUrl: string | null
}

/** What is shown of an invoice; null until Stripe has given it a number. */
export function invoiceOf(invoice: Stripe.Invoice | null): Invoice | null {
  if (typeof invoice?.number !== 'string') return null
  return { number: invoice.number, url: invoice.hosted_invoice_url ?? null, pdfUrl: invoice.invoice_pdf ?? null }
}

/** Keeps the invoice of a top-up that the transaction has locked, and tells of it once. */
export async function noteInvoice(tx: Db, topUp: TopUpRow, { number, url, pdfUrl }: Invoice): Promise<void> {
  const { id, organizationId, amountNanos } = topUp
  await changeTopUp(tx, id, { invoiceNumber: number, invoiceUrl: url, invoicePdfUrl: pdfUrl })
  await recordEvent(tx, { organizationId, type: 'invoice.ready', data: { topUpId: id, invoiceNumber: number, amountNanos }, dedupe: id })
}

/** Keeps what Stripe says of the invoice of a top-up, which it names as `metadata.topUpId`. One whose top-up is not credited yet comes along when it is. */
export async function settleInvoice({ stripe, transact }: Payments, invoiceId: string): Promise<Settlement> {
  const found = await stripe.invoices.retrieve(invoiceId)
  const [invoice, topUpId] = [invoiceOf(found), found.metadata?.topUpId]
  if (!invoice || topUpId === undefined) return 'unchanged'
  return transact(async (tx): Promise<Settlement> => {
    const topUp = await lockTopUp(tx, topUpId)
    if (topUp?.status !== 'succeeded' || topUp.invoiceNumber !== null) return 'unchanged'
    await noteInvoice(tx, topUp, invoice)
    return 'applied'
  })
}
