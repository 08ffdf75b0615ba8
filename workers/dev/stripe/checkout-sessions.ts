import { z } from 'zod'
import { listPage } from './lists.ts'
import type { Cause, CheckoutSession } from './objects.ts'
import { NewSession, type PaymentOrder, SessionList } from './orders.ts'
import { mergeMetadata, requireChargeable } from './parameters.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { route } from './route.ts'
import { newObject } from './store.ts'
import { noRequest } from './webhooks.ts'

const root = '/v1/checkout/sessions'
const nothing = z.strictObject({})

export const checkoutSessionRoutes = [
  route(`POST ${root}`, NewSession, createSession),
  route(`GET ${root}`, SessionList, ({ store }, parameters) => {
    const { customer, payment_intent: intent, status } = parameters
    const all = store.list('checkout.session').filter((each) => {
      return (
        (customer ?? each.customer) === each.customer &&
        (intent ?? each.payment_intent) === each.payment_intent &&
        (status ?? each.status) === each.status
      )
    })
    return listPage(root, all, parameters)
  }),
  route(`GET ${root}/:id`, nothing, ({ store }, _none, { ids: [id = ''] }) => store.need('checkout.session', id)),
  route(`POST ${root}/:id/expire`, nothing, async (peer, _none, { ids: [id = ''], cause }) => {
    const session = peer.store.need('checkout.session', id)
    await expireSession(peer, session, cause)
    return session
  }),
]

/** As if every customer lived where this is what taxes add, when Stripe Tax computes them. */
const taxPercent = 8
const [shortestSeconds, longestSeconds] = [30 * 60, 24 * 3_600]

async function createSession(peer: Peer, parameters: NewSession): Promise<CheckoutSession> {
  requireFitting(peer, parameters)
  const begun = newObject('checkout.session', 'cs_test')
  const expiresAt = parameters.expires_at ?? begun.created + longestSeconds
  // A minute of grace for clocks and for the way here.
  if (expiresAt < begun.created + shortestSeconds - 60 || expiresAt > begun.created + longestSeconds + 60) {
    throw invalidRequest('The `expires_at` timestamp must be from 30 minutes to 24 hours after the session is made.', {
      param: 'expires_at',
    })
  }
  const totals = parameters.mode === 'payment' ? totalsOf(parameters) : null
  if (totals) requireChargeable(totals.total, 'line_items')
  const session = peer.store.add('checkout.session', {
    ...begun,
    allowed_payment_method_types: parameters.allowed_payment_method_types ?? null,
    amount_subtotal: totals?.subtotal ?? null,
    amount_total: totals?.total ?? null,
    cancel_url: parameters.cancel_url ?? null,
    client_reference_id: parameters.client_reference_id ?? null,
    currency: totals?.currency ?? parameters.currency ?? null,
    customer: parameters.customer ?? null,
    customer_details: null,
    customer_email: parameters.customer_email ?? null,
    expires_at: expiresAt,
    invoice: null,
    locale: parameters.locale ?? null,
    metadata: mergeMetadata({}, parameters.metadata),
    mode: parameters.mode,
    payment_intent: null,
    payment_method_types: parameters.allowed_payment_method_types ?? ['card', 'us_bank_account'],
    payment_status: parameters.mode === 'payment' ? 'unpaid' : 'no_payment_required',
    setup_intent: null,
    status: 'open',
    subscription: null,
    success_url: parameters.success_url,
    total_details: totals && { amount_discount: 0, amount_shipping: 0, amount_tax: totals.tax },
    ui_mode: 'hosted_page',
    url: `${peer.url}/checkout/${begun.id}`,
    ...modeFields(parameters),
  })
  await placeOrder(peer, session, parameters)
  const expire = () => void (session.status === 'open' && expireSession(peer, session, noRequest))
  setTimeout(expire, (expiresAt - begun.created) * 1_000).unref()
  return session
}

function modeFields(
  parameters: NewSession,
): Pick<CheckoutSession, 'automatic_tax' | 'customer_creation' | 'invoice_creation' | 'tax_id_collection'> {
  const off = { automatic_tax: { enabled: false, status: null }, tax_id_collection: { enabled: false } }
  if (parameters.mode === 'setup') return { ...off, customer_creation: null, invoice_creation: null }
  const { automatic_tax: tax, tax_id_collection: taxIds, customer, customer_creation: creation = 'if_required' } = parameters
  return {
    automatic_tax: tax?.enabled ? { enabled: true, status: 'complete' } : off.automatic_tax,
    tax_id_collection: taxIds ?? off.tax_id_collection,
    customer_creation: customer === undefined ? creation : null,
    invoice_creation: { enabled: parameters.invoice_creation?.enabled ?? false },
  }
}

/** Closes what was not completed in time, or is not wanted any more. */
export async function expireSession(peer: Peer, session: CheckoutSession, cause: Cause): Promise<void> {
  if (session.status !== 'open') {
    throw invalidRequest(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
    )
  }
  session.status = 'expired'
  session.url = null
  peer.webhooks.record('checkout.session.expired', session, cause)
  const order = peer.orders.get(session.id)
  if (order && 'hostedId' in order) await peer.hosted.expire(order.hostedId)
}

/** What no single parameter shows, with the words of the real one. */
function requireFitting(peer: Peer, parameters: NewSession): void {
  const { customer: id, customer_update: update } = parameters
  const customer = id === undefined ? undefined : peer.store.need('customer', id, 'customer')
  if (update && !customer) throw invalidRequest('`customer_update` can only be used with `customer`.', { param: 'customer_update' })
  if (customer && parameters.customer_email !== undefined)
    throw invalidRequest('You may only specify one of these parameters: customer, customer_email.', { param: 'customer_email' })
  if (parameters.mode === 'setup') {
    if (parameters.currency === undefined && parameters.allowed_payment_method_types === undefined)
      throw invalidRequest('You must provide `currency` or `allowed_payment_method_types` in `setup` mode.', {
        code: 'parameter_missing',
        param: 'currency',
      })
    return
  }
  if (customer && parameters.customer_creation)
    throw invalidRequest('You may only specify one of these parameters: customer, customer_creation.', { param: 'customer_creation' })
  if (customer && parameters.automatic_tax?.enabled && !customer.address?.country && update?.address !== 'auto') {
    const message =
      'Automatic tax calculation in Checkout requires a valid address on the Customer, or `customer_update[address]` set to `auto`.'
    throw invalidRequest(message, { code: 'customer_tax_location_invalid', param: 'automatic_tax' })
  }
  if (customer && parameters.tax_id_collection?.enabled && update?.name !== 'auto') {
    const message = 'Tax ID collection requires updating business name on the customer: set `customer_update[name]` to `auto`.'
    throw invalidRequest(message, { param: 'customer_update[name]' })
  }
}

function totalsOf({ line_items: items, currency: asked, automatic_tax: automatic }: PaymentOrder) {
  const currency = asked ?? items[0]?.price_data.currency ?? 'usd'
  if (items.some((item) => item.price_data.currency !== currency))
    throw invalidRequest('All line items must have the same currency.', { param: 'line_items' })
  const priced = items.map((item) => ({
    inclusive: item.price_data.tax_behavior === 'inclusive',
    cents: item.price_data.unit_amount * item.quantity,
  }))
  const sum = (chosen: typeof priced) => chosen.reduce((total, { cents }) => total + cents, 0)
  const [inside, outside] = [sum(priced.filter(({ inclusive }) => inclusive)), sum(priced.filter(({ inclusive }) => !inclusive))]
  const onTop = automatic?.enabled ? Math.round((outside * taxPercent) / 100) : 0
  const within = automatic?.enabled ? Math.round((inside * taxPercent) / (100 + taxPercent)) : 0
  return { currency, subtotal: inside + outside, tax: onTop + within, onTop, total: inside + outside + onTop }
}

async function placeOrder(peer: Peer, session: CheckoutSession, parameters: NewSession): Promise<void> {
  if (parameters.mode === 'setup') return void peer.orders.set(session.id, { parameters })
  const lines = parameters.line_items.map(({ price_data: { product_data: product, unit_amount, currency }, quantity }) => {
    return { name: product.name, unitAmount: unit_amount, currency, quantity }
  })
  const { onTop, currency } = totalsOf(parameters)
  if (onTop > 0) lines.push({ name: `Tax (${taxPercent} %)`, unitAmount: onTop, currency, quantity: 1 })
  const hostedId = await peer.hosted.open(lines, afterwards(session), parameters.cancel_url)
  peer.orders.set(session.id, { parameters, hostedId })
}

/** Where the browser goes when the session is complete. */
export function afterwards({ success_url: url, id }: CheckoutSession): string {
  return url.replaceAll('{CHECKOUT_SESSION_ID}', id)
}
