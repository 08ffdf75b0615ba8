import { afterwards } from './checkout-sessions.ts'
import { completeSession } from './completion.ts'
import type { CheckoutSession, Invoice, PaymentMethod } from './objects.ts'
import { detach } from './payment-methods.ts'
import type { Peer } from './peer.ts'
import { StripeRefusal } from './refusal.ts'
import { matchPath } from './route.ts'
import { testCards } from './test-cards.ts'
import { noRequest } from './webhooks.ts'

/** What people see: the hosted checkout, the billing portal, invoices and receipts. Whoever knows an address may open it, as at Stripe. */
export async function answerPage(peer: Peer, method: string, path: string, body: string): Promise<Response> {
  const form = new URLSearchParams(body)
  for (const [pattern, show] of Object.entries(pages)) {
    const [wanted, template = ''] = pattern.split(' ')
    const [id] = (wanted === method && matchPath(template, path)) || []
    if (id === undefined) continue
    try {
      return await show(peer, id, form)
    } catch (error) {
      if (error instanceof StripeRefusal) return page('Not possible', paragraph(error.message), error.status)
      throw error
    }
  }
  if (method === 'GET' && /^\/_emulate\/fonts\/[\w.-]+$/.test(path)) return peer.hosted.asset(path)
  return page('Not found', '', 404)
}

type Show = (peer: Peer, id: string, form: URLSearchParams) => Response | Promise<Response>

const pages: Record<string, Show> = {
  'GET /checkout/:id': showCheckout,
  'POST /checkout/:id/complete': completeCheckout,
  'GET /billing/:id': showPortal,
  'POST /billing/:id/remove': removeMethod,
  'GET /receipts/:id': ({ store }, id) => {
    const charge = store.need('charge', id)
    return page(
      'Receipt',
      paragraph(`Paid ${money(charge.amount, charge.currency)} by ${describe(store.need('payment_method', charge.payment_method))}.`),
    )
  },
  'GET /invoices/:id': ({ store }, id) => {
    const invoice = store.need('invoice', id)
    return page(`Invoice ${invoice.number}`, `${paragraph(summary(invoice))}<a href="${invoice.invoice_pdf}">PDF</a>`)
  },
  'GET /invoices/:id/pdf': ({ store }, id) => {
    return new Response(pdf(summary(store.need('invoice', id))), { headers: { 'content-type': 'application/pdf' } })
  },
}

async function showCheckout(peer: Peer, id: string): Promise<Response> {
  const session = peer.store.need('checkout.session', id)
  const order = peer.orders.get(id)
  if (session.status !== 'open' || !order) return page('This checkout is closed', paragraph(`It is ${session.status}.`))
  if ('hostedId' in order) {
    const shown = (await peer.hosted.page(order.hostedId)).replaceAll(order.hostedId, id)
    return html(shown.replace('<button type="submit"', `${cardChoice(session)}<button type="submit"`))
  }
  const form = `<form method="post" action="/checkout/${id}/complete">${cardChoice(session)}<button type="submit">Save</button></form>`
  return page('Save a payment method', form + (session.cancel_url === null ? '' : link(session.cancel_url, 'Cancel')))
}

async function completeCheckout(peer: Peer, id: string, form: URLSearchParams): Promise<Response> {
  const session = peer.store.need('checkout.session', id)
  const order = peer.orders.get(id)
  const closed = session.status !== 'open' || !order
  if (closed) return redirect(`${peer.url}/checkout/${id}`)
  const chosen = { card: form.get('payment_method') || 'pm_card_visa', email: form.get('email') || null }
  const declined = completeSession(peer, session, chosen)
  if (declined !== null) return page(declined, link(`/checkout/${id}`, 'Try another card'), 402)
  return redirect('hostedId' in order ? await peer.hosted.complete(order.hostedId) : afterwards(session))
}

function cardChoice({ payment_method_types: types }: CheckoutSession): string {
  const offered = Object.entries(testCards).filter(([, card]) => types.includes(card.type))
  const options = offered.map(([name, { label }]) => `<option value="${name}">${escapeHtml(label)}</option>`).join('')
  return `<div class="checkout-form-section"><label class="checkout-form-label" for="payment_method">Pay by</label>
    <select class="checkout-input" id="payment_method" name="payment_method">${options}</select></div>`
}

function showPortal({ store }: Peer, id: string): Response {
  const session = store.need('billing_portal.session', id)
  const saved = store.list('payment_method').filter((each) => each.customer === session.customer)
  const forms = saved.map((method) => {
    const hidden = `<input type="hidden" name="payment_method" value="${method.id}"/>`
    return `<form method="post" action="/billing/${id}/remove">${escapeHtml(describe(method))} ${hidden}<button type="submit">Remove</button></form>`
  })
  return page('Billing', `${forms.join('')}${link(session.return_url, 'Back')}`)
}

function removeMethod(peer: Peer, id: string, form: URLSearchParams): Response {
  const session = peer.store.need('billing_portal.session', id)
  const method = peer.store.need('payment_method', form.get('payment_method'))
  if (method.customer === session.customer) detach(peer, method, noRequest)
  return redirect(session.url)
}

function summary({ number, customer_email: email, total, currency }: Invoice): string {
  return `Invoice ${number} to ${email ?? 'a customer'}: ${money(total, currency)}, paid.`
}

function describe({ card, us_bank_account: account }: PaymentMethod): string {
  return card ? `${card.brand} ${card.last4}` : `bank account ${account?.last4}`
}

function money(cents: number, currency: string): string {
  return `${(cents / 100).toFixed(2)} ${currency.toUpperCase()}`
}

function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { location } })
}

function page(title: string, body: string, status = 200): Response {
  return html(`<!doctype html><meta charset="utf-8"><title>${escapeHtml(title)}</title><h1>${escapeHtml(title)}</h1>${body}`, status)
}

function html(text: string, status = 200): Response {
  return new Response(text, { status, headers: { 'content-type': 'text/html; charset=utf-8' } })
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`
}

function link(href: string, text: string): string {
  return `<p><a href="${escapeHtml(href)}">${escapeHtml(text)}</a></p>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** One page with one line of printable ASCII. */
function pdf(line: string): string {
  const content = `BT /F1 12 Tf 50 780 Td (${line.replace(/[^ -~]/g, '?').replace(/[\\()]/g, '\\$&')}) Tj ET`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let file = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = file.length
    file += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const count = objects.length + 1
  return `${file}xref\n0 ${count}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`
}
