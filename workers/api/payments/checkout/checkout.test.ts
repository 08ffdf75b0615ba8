import { desc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { billingAccounts, customerEvents, organizations, platformSettings, topUps } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { auditOf } from '../../testing/audit-of.ts'
import { managementKeyOf } from '../../testing/management-key-of.ts'
import { type Stage, setStage, type TestPerson } from '../../testing/stage.ts'
import { type AskedOfStripe, type ScriptedCheckout, setUpStripe, startScriptedCheckout } from '../testing/scripted-checkout.ts'

const usd = 1_000_000_000
const card = { brand: 'visa', last4: '4242', expMonth: 12, expYear: 2040 }

let stage: Stage
let stripe: ScriptedCheckout
let owner: TestPerson
let organizationId: string
let logged: string[]
beforeAll(async () => {
  stripe = await startScriptedCheckout()
  stage = await setStage({ STRIPE_URL: stripe.url })
  owner = await stage.person()
})
beforeEach(async () => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line))
  stripe.asked.length = 0
  organizationId = await stage.organization([[owner, 'owner']])
  await setUpStripe(stage)
})
afterAll(async () => {
  stripe?.stop()
  await stage?.stop()
})

function ask(method: string, rest: string, body?: unknown, headers: Record<string, string> = {}, { cookie } = owner) {
  return stage.call(method, `/api/organizations/${organizationId}/billing/${rest}`, {
    cookie,
    headers,
    ...(body !== undefined && { body }),
  })
}

const topUp = (more: object = {}, headers: Record<string, string> = {}, person = owner) =>
  ask('POST', 'top-ups', { amountNanos: 25 * usd, ...more }, headers, person)
const rows = () => stage.db.select().from(topUps).where(eq(topUps.organizationId, organizationId)).orderBy(desc(topUps.id))
const account = async () => (await stage.db.select().from(billingAccounts).where(eq(billingAccounts.organizationId, organizationId)))[0]
const askedAt = (path: string): AskedOfStripe[] => stripe.asked.filter((each) => each.path === path)
const actions = async () => (await auditOf(stage, organizationId)).map((entry) => (entry as { action: string }).action)

/** What settlement keeps when somebody has saved a card. */
async function saveCard(paymentMethodId = `pm_${organizationId}`): Promise<string> {
  await ask('POST', 'payment-method')
  await stage.db.update(billingAccounts).set({ paymentMethodId, card }).where(eq(billingAccounts.organizationId, organizationId))
  return paymentMethodId
}

describe('a top-up', () => {
  test('is committed, and begins a session that says whose and what it is; its customer is made once', async () => {
    const begun = await topUp()
    expect(begun).toMatchObject({ status: 201, json: { topUpId: expect.stringMatching(/^top_/), url: expect.stringMatching(/^https:/) } })
    const { topUpId, url } = begun.json as { topUpId: string; url: string }
    const [made] = askedAt('/v1/customers')
    expect(made?.form).toEqual({ name: 'Test', email: owner.email, 'metadata[organizationId]': organizationId })
    expect(made?.idempotencyKey).toContain(`${organizationId}-test`)
    const [session, ...others] = askedAt('/v1/checkout/sessions')
    const expiresAt = Number(session?.form.expires_at) - Date.now() / 1_000
    expect([others, session?.idempotencyKey, expiresAt > 3_590 && expiresAt <= 3_600]).toEqual([[], topUpId, true])
    expect(session?.form).toEqual({
      mode: 'payment',
      customer: (await account())?.stripeCustomerId,
      client_reference_id: topUpId,
      'metadata[topUpId]': topUpId,
      'metadata[organizationId]': organizationId,
      'line_items[0][quantity]': '1',
      'line_items[0][price_data][currency]': 'usd',
      'line_items[0][price_data][unit_amount]': '2500',
      'line_items[0][price_data][product_data][name]': 'Prepaid credit',
      'payment_intent_data[metadata][topUpId]': topUpId,
      'payment_intent_data[metadata][organizationId]': organizationId,
      'invoice_creation[enabled]': 'true',
      'invoice_creation[invoice_data][metadata][topUpId]': topUpId,
      'invoice_creation[invoice_data][metadata][organizationId]': organizationId,
      success_url: `https://portal.test/billing?topUp=${topUpId}`,
      cancel_url: `https://portal.test/billing?canceled=${topUpId}`,
      expires_at: session?.form.expires_at,
    })
    expect(await rows()).toMatchObject([
      {
        id: topUpId,
        status: 'pending',
        amountNanos: 25 * usd,
        checkoutSessionId: url.split('/').at(-1),
        livemode: false,
        createdBy: owner.userId,
      },
    ])
    expect((await topUp()).status).toBe(201)
    expect(askedAt('/v1/customers')).toHaveLength(1)
    expect(await actions()).toEqual(['stripe_customer.created', 'top_up.requested', 'top_up.requested'])
  })

  test('passes on taxes, tax ids and the wish to keep the card', async () => {
    await setUpStripe(stage, { automaticTax: true, collectTaxIds: true })
    expect((await topUp({ savePaymentMethod: true })).status).toBe(201)
    expect(askedAt('/v1/checkout/sessions')[0]?.form).toMatchObject({
      'automatic_tax[enabled]': 'true',
      'tax_id_collection[enabled]': 'true',
      'customer_update[address]': 'auto',
      'customer_update[name]': 'auto',
      'line_items[0][price_data][tax_behavior]': 'exclusive',
      'payment_intent_data[setup_future_usage]': 'off_session',
      'allowed_payment_method_types[0]': 'card',
    })
  })

  test('is of whole cents within the bounds of the settings, which a refusal names', async () => {
    for (const amountNanos of [5 * usd - 10_000_000, 1_000 * usd + 10_000_000])
      expect(await topUp({ amountNanos })).toMatchObject({
        status: 400,
        json: {
          code: 'invalid_request',
          detail: expect.stringMatching(/5\.00 to 1000\.00 dollars/),
          errors: [{ pointer: '#/amountNanos' }],
        },
      })
    for (const amountNanos of [25 * usd + 1, -25 * usd, 0, '25', 1e300, null])
      expect(await topUp({ amountNanos })).toMatchObject({ status: 400, text: expect.stringContaining('#/amountNanos') })
    expect((await topUp({ more: 1 })).status).toBe(400)
    expect([await rows(), stripe.asked, await account()]).toEqual([[], [], undefined])
    for (const amountNanos of [5 * usd, 1_000 * usd]) expect((await topUp({ amountNanos })).status).toBe(201)
  })

  test('is one session for two clicks with one Idempotency-Key, also at once', async () => {
    const key = { 'idempotency-key': newId('req') }
    const answers = await Promise.all([topUp({}, key), topUp({}, key)])
    answers.push(await topUp({}, key))
    expect(answers.map(({ status, json }) => ({ status, json }))).toEqual(Array(3).fill({ status: 201, json: answers[0]?.json }))
    expect(askedAt('/v1/checkout/sessions')).toHaveLength(1)
    expect(await rows()).toHaveLength(1)
  })

  test('of two people and a key at once is paid by one customer', async () => {
    const [other, { bearer }] = [await stage.person(), await managementKeyOf(stage, organizationId, 'admin')]
    organizationId = await stage.organization([
      [owner, 'owner'],
      [other, 'admin'],
    ])
    const byKey = await managementKeyOf(stage, organizationId, 'admin')
    const path = `/api/organizations/${organizationId}/billing/top-ups`
    expect((await stage.call('POST', path, { bearer, body: { amountNanos: 5 * usd } })).status).toBe(404)
    const answers = await Promise.all([
      topUp(),
      topUp({}, {}, other),
      stage.call('POST', path, { bearer: byKey.bearer, body: { amountNanos: 5 * usd } }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    const customers = askedAt('/v1/checkout/sessions').map(({ form }) => form.customer)
    expect([customers.length, new Set(customers)]).toEqual([3, new Set([(await account())?.stripeCustomerId])])
  })

  test('that Stripe refuses has failed, and is told so once; without Stripe’s words in the log', async () => {
    stripe.fates.set('/v1/checkout/sessions', ['invalid'])
    expect(await topUp()).toMatchObject({ status: 502, json: { code: 'provider_unreachable' } })
    const [row] = await rows()
    expect(row).toMatchObject({ status: 'failed', failure: 'failed', finishedAt: expect.any(Date) })
    const told = await stage.db.select().from(customerEvents).where(eq(customerEvents.organizationId, organizationId))
    expect(told).toMatchObject([{ type: 'topup.failed', data: { topUpId: row?.id, kind: 'checkout', reason: 'failed', retryAt: null } }])
    expect(await actions()).toEqual(['stripe_customer.created', 'top_up.requested', 'top_up.failed'])
    expect(logged.join()).toMatch(/parameter_unknown req_scripted/)
    expect(logged.join()).not.toContain('hush')
  })

  test('of which nobody knows whether Stripe heard waits, and its page is given to nobody', async () => {
    for (const fate of ['lost', 'unheard', 'down', 'rate_limited'] as const) {
      stripe.fates.set('/v1/checkout/sessions', [fate])
      const answer = await topUp()
      expect(answer).toMatchObject({ status: 502, json: { code: 'provider_unreachable', detail: expect.stringContaining('Try again') } })
      expect(answer.text).not.toContain('stripe.test')
    }
    expect((await rows()).map(({ status, checkoutSessionId }) => [status, checkoutSessionId])).toEqual(Array(4).fill(['pending', null]))
    stripe.fates.set('/v1/customers', ['down'])
    organizationId = await stage.organization([[owner, 'owner']])
    const key = { 'idempotency-key': newId('req') }
    expect((await topUp({}, key)).status).toBe(502)
    expect(await rows()).toEqual([])
    expect((await topUp({}, key)).status).toBe(201)
  })

  test('can be begun twenty times an hour without paying', async () => {
    const row = { organizationId, kind: 'checkout', amountNanos: 5 * usd, livemode: false } as const
    await stage.db.insert(topUps).values(Array.from({ length: 19 }, () => ({ ...row, id: newId('top') })))
    expect((await topUp()).status).toBe(201)
    expect(await topUp()).toMatchObject({ status: 429, json: { code: 'too_many_requests' } })
    await stage.db
      .update(topUps)
      .set({ createdAt: new Date(Date.now() - 3_700_000) })
      .where(eq(topUps.organizationId, organizationId))
    expect((await topUp()).status).toBe(201)
  })

  test('is listed with all that became of it, by pages, and exists for its organization only', async () => {
    const paid = {
      status: 'succeeded' as const,
      paidCents: 2_975,
      taxCents: 475,
      receiptUrl: 'https://stripe.test/receipt',
      invoiceNumber: 'RR-1',
      invoiceUrl: 'https://stripe.test/invoice',
      invoicePdfUrl: 'https://stripe.test/invoice.pdf',
      returnedNanos: usd,
      createdBy: owner.userId,
    }
    const shown = { kind: 'checkout', amountNanos: 25 * usd, ...paid, failure: null }
    const ids = [1, 2, 3].map((minute) => newId('top', Date.now() - minute * 60_000))
    const finishedAt = new Date()
    const row = { organizationId, kind: 'checkout', amountNanos: 25 * usd, livemode: false, ...paid, finishedAt } as const
    await stage.db.insert(topUps).values(ids.map((id) => ({ ...row, id })))
    const first = await ask('GET', 'top-ups?limit=2')
    const { next } = first.json as { next: string }
    const dates = { createdAt: expect.any(String), finishedAt: finishedAt.toISOString() }
    expect(first).toMatchObject({ status: 200, json: { data: ids.slice(0, 2).map((topUpId) => ({ topUpId, ...shown, ...dates })) } })
    expect(await ask('GET', `top-ups?limit=2&cursor=${next}`)).toMatchObject({ json: { data: [{ topUpId: ids[2] }], next: null } })
    expect((await ask('GET', `top-ups/${ids[0]}`)).json).toEqual({ topUpId: ids[0], ...shown, ...dates })
    organizationId = await stage.organization([[owner, 'owner']])
    expect(await ask('GET', `top-ups/${ids[0]}`)).toMatchObject({ status: 404, json: { code: 'not_found' } })
    expect((await ask('GET', `top-ups?cursor=${next}`)).status).toBe(400)
    expect((await ask('GET', 'top-ups')).json).toEqual({ data: [], next: null })
  })
})

describe('a saved card', () => {
  test('is saved on a page of Stripe’s, off session and without a payment, and then shown', async () => {
    expect((await ask('GET', 'payment-method')).json).toEqual({ card: null })
    const answer = await ask('POST', 'payment-method')
    expect(answer).toMatchObject({ status: 200, json: { url: expect.stringMatching(/^https:/) } })
    expect(askedAt('/v1/checkout/sessions').map(({ form }) => form)).toEqual([
      {
        mode: 'setup',
        customer: (await account())?.stripeCustomerId,
        'allowed_payment_method_types[0]': 'card',
        'metadata[organizationId]': organizationId,
        'setup_intent_data[metadata][organizationId]': organizationId,
        success_url: 'https://portal.test/billing?paymentMethod=saved',
        cancel_url: 'https://portal.test/billing?paymentMethod=canceled',
      },
    ])
    await saveCard()
    expect((await ask('GET', 'payment-method')).json).toEqual({ card })
  })

  test('that is removed is detached at Stripe, and turns automatic top-ups off, also while suspended', async () => {
    const id = await saveCard()
    const wanted = { enabled: true, thresholdNanos: usd, amountNanos: 10 * usd, monthlyCapNanos: 100 * usd }
    expect((await ask('PUT', 'automatic-top-up', wanted)).status).toBe(200)
    await stage.db.update(organizations).set({ status: 'suspended' }).where(eq(organizations.id, organizationId))
    stripe.fates.set(`/v1/payment_methods/${id}/detach`, ['down'])
    expect(await ask('DELETE', 'payment-method')).toMatchObject({ status: 502, json: { code: 'provider_unreachable' } })
    expect(await account()).toMatchObject({ paymentMethodId: id, automatic: true })
    expect((await ask('DELETE', 'payment-method')).status).toBe(204)
    expect(askedAt(`/v1/payment_methods/${id}/detach`)).toHaveLength(2)
    expect(await account()).toMatchObject({ paymentMethodId: null, card: null, automatic: false })
    expect((await ask('GET', 'automatic-top-up')).json).toMatchObject({ enabled: false, stoppedBecause: 'payment_method_removed' })
    expect((await ask('DELETE', 'payment-method')).status).toBe(404)
    const [entry] = (await auditOf(stage, organizationId)).slice(-1)
    expect(entry).toMatchObject({ action: 'payment_method.removed', before: { card, automatic: true } })
  })

  test('that Stripe no longer knows can be removed', async () => {
    const id = await saveCard()
    stripe.fates.set(`/v1/payment_methods/${id}/detach`, ['invalid'])
    expect((await ask('DELETE', 'payment-method')).status).toBe(204)
    expect((await account())?.paymentMethodId).toBeNull()
  })
})

test('the portal is opened for whom Stripe knows, and leads back', async () => {
  expect(await ask('POST', 'portal')).toMatchObject({ status: 409, json: { code: 'conflict' } })
  await topUp()
  expect(await ask('POST', 'portal')).toMatchObject({ status: 200, json: { url: expect.stringMatching(/^https:/) } })
  const form = { customer: (await account())?.stripeCustomerId, return_url: 'https://portal.test/billing' }
  expect(askedAt('/v1/billing_portal/sessions').map((each) => each.form)).toEqual([form])
})

test('in another mode of Stripe nothing of the first is there: another customer, no card, no automatic top-up', async () => {
  await saveCard()
  const wanted = { enabled: true, thresholdNanos: usd, amountNanos: 10 * usd, monthlyCapNanos: 100 * usd }
  await ask('PUT', 'automatic-top-up', wanted)
  const before = (await account())?.stripeCustomerId
  await setUpStripe(stage, { livemode: true })
  expect((await ask('GET', 'payment-method')).json).toEqual({ card: null })
  expect((await ask('GET', 'automatic-top-up')).json).toMatchObject({ enabled: false })
  expect((await ask('POST', 'portal')).status).toBe(409)
  expect((await ask('DELETE', 'payment-method')).status).toBe(404)
  expect((await ask('PUT', 'automatic-top-up', wanted)).status).toBe(409)
  expect((await topUp()).status).toBe(201)
  expect(await account()).toMatchObject({
    livemode: true,
    paymentMethodId: null,
    automatic: false,
    stoppedBecause: 'payment_method_removed',
  })
  expect((await account())?.stripeCustomerId).not.toBe(before)
  expect((await rows())[0]).toMatchObject({ livemode: true })
  expect(askedAt('/v1/customers').map(({ idempotencyKey }) => idempotencyKey?.split('-')[2])).toEqual(['test', 'live'])
})

test('an automatic top-up needs a card, an amount within the bounds and a cap above it; what is chosen is shown', async () => {
  const wanted = { enabled: true, thresholdNanos: usd, amountNanos: 10 * usd, monthlyCapNanos: 10 * usd }
  const put = (more: object = {}) => ask('PUT', 'automatic-top-up', { ...wanted, ...more })
  const nothing = { spentThisMonthNanos: 0, isCapReached: false, failures: 0, retryAt: null, stoppedBecause: null }
  const unchosen = { enabled: false, thresholdNanos: null, amountNanos: null, monthlyCapNanos: null }
  expect((await ask('GET', 'automatic-top-up')).json).toEqual({ ...unchosen, ...nothing })
  expect(await put()).toMatchObject({ status: 409, json: { detail: expect.stringContaining('Save a payment method') } })
  await saveCard()
  for (const [more, pointer] of [
    [{ amountNanos: 4 * usd }, '#/amountNanos'],
    [{ amountNanos: 10 * usd + 1, monthlyCapNanos: 20 * usd }, '#/amountNanos'],
    [{ monthlyCapNanos: 10 * usd - 1 }, '#/monthlyCapNanos'],
    [{ thresholdNanos: -1 }, '#/thresholdNanos'],
  ] as const)
    expect(await put(more)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } })
  expect((await put({ more: 1 })).status).toBe(400)
  expect((await account())?.automatic).toBe(false)
  expect(await put()).toMatchObject({ status: 200, json: { ...wanted, ...nothing } })
  expect(await put({ enabled: false, amountNanos: usd })).toMatchObject({ status: 200, json: { enabled: false, amountNanos: usd } })
  expect((await auditOf(stage, organizationId)).at(-1)).toMatchObject({
    before: wanted,
    after: { ...wanted, enabled: false, amountNanos: usd },
  })
})

test('without Stripe set up, what needs it says so and changes nothing; what is there can still be read and turned off', async () => {
  await stage.db.delete(platformSettings)
  const automatic = { enabled: true, thresholdNanos: usd, amountNanos: 10 * usd, monthlyCapNanos: 100 * usd }
  for (const answer of [await topUp(), await ask('POST', 'payment-method'), await ask('PUT', 'automatic-top-up', automatic)])
    expect(answer).toMatchObject({ status: 503, json: { code: 'payments_off', detail: expect.stringContaining('takes no payments yet') } })
  expect([await rows(), await account(), await actions(), stripe.asked]).toEqual([[], undefined, [], []])
  expect((await ask('GET', 'top-ups')).status).toBe(200)
  expect((await ask('GET', 'payment-method')).status).toBe(200)
  expect((await ask('PUT', 'automatic-top-up', { ...automatic, enabled: false })).json).toMatchObject({ ...automatic, enabled: false })
})
