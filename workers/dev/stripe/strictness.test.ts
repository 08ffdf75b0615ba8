import type Stripe from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestStripe, type TestStripe } from './test-client.ts'

let peer: TestStripe
let stripe: Stripe

beforeAll(async () => {
  peer = await startTestStripe()
  stripe = peer.stripe
})
afterAll(() => peer.end())

async function send(
  path: string,
  init: RequestInit & { key?: string } = {},
): Promise<{ status: number; error: unknown; requestId: string | null }> {
  const { key = peer.secretKey, ...rest } = init
  const headers = { authorization: `Bearer ${key}`, ...Object.fromEntries(new Headers(init.headers)) }
  const response = await fetch(`${peer.url}/v1/${path}`, { ...rest, headers })
  const { error }: { error?: unknown } = JSON.parse(await response.text())
  return { status: response.status, error, requestId: response.headers.get('request-id') }
}

function post(path: string, form: Record<string, string>) {
  return send(path, { method: 'POST', body: new URLSearchParams(form) })
}

const session = {
  mode: 'payment',
  success_url: 'https://portal.test/back',
  'line_items[0][quantity]': '1',
  'line_items[0][price_data][currency]': 'usd',
  'line_items[0][price_data][unit_amount]': '500',
  'line_items[0][price_data][product_data][name]': 'Credit',
}

test('only the one key is taken, and it is told apart from none', async () => {
  expect((await stripe.balance.retrieve()).livemode).toBe(false)
  const wrong = await send('balance', { key: 'sk_test_another0000' })
  expect(wrong).toMatchObject({ status: 401, error: { type: 'invalid_request_error' }, requestId: expect.stringMatching(/^req_/) })
  expect(JSON.stringify(wrong.error)).not.toContain('another')
  expect(await send('balance', { headers: { authorization: '' } })).toMatchObject({ status: 401 })
})

test('only forms are read', async () => {
  const json = { method: 'POST', body: '{"email":"a@example.com"}', headers: { 'content-type': 'application/json' } }
  expect(await send('customers', json)).toMatchObject({ status: 400, error: { type: 'invalid_request_error' } })
  expect(await send('customer')).toMatchObject({ status: 404 })
})

test.each<[string, Record<string, string>, object]>([
  ['an unknown parameter', { custmer: 'cus_1' }, { code: 'parameter_unknown', param: 'custmer' }],
  ['one below', { 'line_items[0][price_data][product_data][nam]': 'x' }, { param: 'line_items[0][price_data][product_data][nam]' }],
  [
    'one that only the other mode has',
    { 'setup_intent_data[description]': 'x' },
    { code: 'parameter_unknown', param: 'setup_intent_data' },
  ],
  ['49 cents', { 'line_items[0][price_data][unit_amount]': '49' }, { code: 'amount_too_small' }],
  ['an amount in dollars', { 'line_items[0][price_data][unit_amount]': '5.00' }, { code: 'parameter_invalid_integer' }],
  ['nothing where something belongs', { success_url: '' }, { code: 'parameter_invalid_empty', param: 'success_url' }],
  ['a mode that is not played', { mode: 'subscription' }, { param: 'mode' }],
  ['no such customer', { customer: 'cus_none' }, { code: 'resource_missing', param: 'customer' }],
  ['an update of nobody', { 'customer_update[address]': 'auto' }, { param: 'customer_update' }],
  ['what this version of the API has no more', { 'payment_method_types[0]': 'card' }, { code: 'parameter_unknown' }],
  ['an end in the past', { expires_at: '1000' }, { param: 'expires_at' }],
  ['what cannot be expanded', { 'expand[]': 'metadata' }, { param: 'expand' }],
])('%s is refused of a checkout session', async (_what, change, error) => {
  expect(await post('checkout/sessions', { ...session, ...change })).toMatchObject({ status: 400, error })
})

test.each(['mode', 'success_url', 'line_items[0][quantity]'])('a checkout session without %s is refused', async (param) => {
  const rest = Object.fromEntries(Object.entries(session).filter(([name]) => name !== param))
  expect(await post('checkout/sessions', rest)).toMatchObject({ status: 400, error: { code: 'parameter_missing', param } })
})

test('taxes need to know where a known customer lives', async () => {
  const { id: customer } = await stripe.customers.create()
  const taxed = { ...session, customer, 'automatic_tax[enabled]': 'true' }
  expect(await post('checkout/sessions', taxed)).toMatchObject({ error: { code: 'customer_tax_location_invalid' } })
  await stripe.customers.update(customer, { address: { country: 'US', postal_code: '94105' }, metadata: { organization: 'org_1' } })
  expect((await post('checkout/sessions', taxed)).status).toBe(200)
  const update = await stripe.customers.update(customer, { name: 'Somebody' })
  expect(update).toMatchObject({ name: 'Somebody', metadata: { organization: 'org_1' }, address: { country: 'US' } })
})

test('49 cents are not charged, and a payment method charges its own customer only', async () => {
  const [first, second] = [await stripe.customers.create(), await stripe.customers.create()]
  const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer: first.id })
  const charge = (amount: number, customer: string) =>
    stripe.paymentIntents.create({ amount, customer, payment_method: id, currency: 'usd', off_session: true, confirm: true })
  await expect(charge(49, first.id)).rejects.toMatchObject({ type: 'StripeInvalidRequestError', code: 'amount_too_small', param: 'amount' })
  await expect(charge(100, second.id)).rejects.toMatchObject({ statusCode: 400 })
  await expect(stripe.paymentMethods.attach('pm_card_vis', { customer: first.id })).rejects.toMatchObject({ statusCode: 404 })
  expect((await stripe.paymentIntents.list({ customer: first.id })).data).toEqual([])
})

test('lists come in pages, the newest first, and go through the whole', async () => {
  const { id: customer } = await stripe.customers.create()
  const { id: payment_method } = await stripe.paymentMethods.attach('pm_card_mastercard', { customer })
  const made: string[] = []
  for (const amount of [100, 200, 300, 400, 500]) {
    const intent = await stripe.paymentIntents.create({
      amount,
      customer,
      payment_method,
      currency: 'usd',
      off_session: true,
      confirm: true,
    })
    made.unshift(intent.id)
  }
  const created = { gte: Math.floor(Date.now() / 1_000) - 60 }
  const first = await stripe.paymentIntents.list({ customer, created, limit: 2, expand: ['data.latest_charge'] })
  expect(first).toMatchObject({ has_more: true, data: [{ id: made[0], latest_charge: { amount: 500 } }, { id: made[1] }] })
  const all: string[] = []
  for await (const { id } of stripe.paymentIntents.list({ customer, created, limit: 2 })) all.push(id)
  expect(all).toEqual(made)
  expect((await stripe.paymentIntents.list({ customer, created: { gte: created.gte + 3_600 } })).data).toEqual([])
  await expect(stripe.paymentIntents.list({ limit: 101 })).rejects.toMatchObject({ param: 'limit' })
  await expect(stripe.paymentIntents.list({ starting_after: 'pi_none' })).rejects.toMatchObject({ code: 'resource_missing' })
})

test('the billing portal leads back, and removes a saved card', async () => {
  const { id: customer } = await stripe.customers.create()
  const { id: method } = await stripe.paymentMethods.attach('pm_card_visa', { customer })
  const { url } = await stripe.billingPortal.sessions.create({ customer, return_url: 'https://portal.test/billing' })
  expect(await (await fetch(url)).text()).toContain('https://portal.test/billing')
  await fetch(`${url}/remove`, { method: 'POST', body: new URLSearchParams({ payment_method: method }) })
  expect((await stripe.paymentMethods.retrieve(method)).customer).toBeNull()
})

test('a session that expires can be paid no more', async () => {
  const { id: customer } = await stripe.customers.create()
  const { id, url } = await stripe.checkout.sessions.create({
    mode: 'setup',
    customer,
    currency: 'usd',
    success_url: 'https://portal.test/',
  })
  await stripe.checkout.sessions.expire(id)
  await expect(stripe.checkout.sessions.expire(id)).rejects.toMatchObject({ statusCode: 400 })
  await fetch(`${url}/complete`, { method: 'POST', redirect: 'manual' })
  expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ status: 'expired', url: null, setup_intent: null })
  await peer.arrived(id, 'checkout.session.expired')
})
