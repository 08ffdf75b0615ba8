import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { CheckoutSession, Customer, Invoice, StringRecord } from './objects.ts'
import { Text } from './parameters.ts'
import type { Peer } from './peer.ts'
import { route } from './route.ts'
import { newObject } from './store.ts'
import { noRequest } from './webhooks.ts'

const List = z.strictObject({
  ...listParameters,
  customer: Text.optional(),
  status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
})

export const invoiceRoutes = [
  route('GET /v1/invoices', List, ({ store }, parameters) => {
    const { customer, status } = parameters
    const all = store
      .list('invoice')
      .filter((each) => (customer ?? each.customer) === each.customer && (status ?? each.status) === each.status)
    return listPage('/v1/invoices', all, parameters)
  }),
  route('GET /v1/invoices/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('invoice', id)),
]

/** The invoice of a checkout that is paid. */
export function invoiceOf(
  peer: Peer,
  session: CheckoutSession,
  customer: Customer,
  wish: { description?: string | undefined; metadata?: StringRecord | undefined },
): Invoice {
  const total = session.amount_total ?? 0
  const begun = newObject('invoice', 'in')
  const earlier = peer.store.list('invoice').filter((each) => each.customer === customer.id).length
  const invoice = peer.store.add('invoice', {
    ...begun,
    amount_due: total,
    amount_paid: total,
    amount_remaining: 0,
    billing_reason: 'manual',
    collection_method: 'charge_automatically',
    currency: session.currency ?? 'usd',
    customer: customer.id,
    customer_email: customer.email,
    customer_name: customer.name,
    description: wish.description ?? null,
    hosted_invoice_url: `${peer.url}/invoices/${begun.id}`,
    invoice_pdf: `${peer.url}/invoices/${begun.id}/pdf`,
    metadata: wish.metadata ?? {},
    number: `${customer.invoice_prefix}-${String(earlier + 1).padStart(4, '0')}`,
    status: 'paid',
    subtotal: session.amount_subtotal ?? 0,
    total,
    total_excluding_tax: total - (session.total_details?.amount_tax ?? 0),
  })
  peer.store.add('invoice_payment', {
    ...newObject('invoice_payment', 'inpay'),
    amount_paid: total,
    amount_requested: total,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    payment: { type: 'payment_intent', payment_intent: session.payment_intent ?? '' },
    status: 'paid',
    status_transitions: { canceled_at: null, paid_at: begun.created },
  })
  peer.webhooks.record('invoice.paid', invoice, noRequest)
  return invoice
}
