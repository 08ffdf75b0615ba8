import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { billingAccounts, organizations, paymentFindings, topUps } from '#db/schema/index.ts'
import { maxAmountNanos } from '#shared/values/money.ts'
import { auditOf } from '../testing/audit-of.ts'
import { settleInvoice } from './note-invoice.ts'
import { settlePaymentMethod } from './saved-card.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'
import { settleDispute, settleRefund, settleRefundsOfCharge } from './settle-return.ts'
import { type Asked, ask, giveBack, nowSeconds, openTill, type Till } from './testing/till.ts'

let till: Till
beforeAll(async () => {
  till = await openTill()
})
afterAll(() => till?.stop())

const settle = (asked: Asked) => settleCheckout(till.payments, asked.sessionId)
const change = (kind: string, id: string, fields: object) => {
  const before = till.stripe.objects[kind]?.get(id)
  if (before) till.stripe.put(kind, { ...before, ...fields })
}
const rowOf = async ({ topUpId }: Asked) => (await till.stage.db.select().from(topUps).where(eq(topUps.id, topUpId)))[0]
const accountOf = async ({ organizationId }: Asked) =>
  (await till.stage.db.select().from(billingAccounts).where(eq(billingAccounts.organizationId, organizationId)))[0]
const findingsOf = async (objectId: string) => till.stage.db.select().from(paymentFindings).where(eq(paymentFindings.objectId, objectId))
/** A payment that is settled. */
async function paid(given: Parameters<typeof ask>[1] = {}): Promise<Asked> {
  const asked = await ask(till, given)
  expect(await settle(asked)).toBe('applied')
  return asked
}

const invoice = { id: 'in_1', number: 'RR-0001', hosted_invoice_url: 'https://i.test/1', invoice_pdf: 'https://i.test/1/pdf' }
const method = (id: string, customer: string | null, created: number, last4 = '4242') => {
  const card = { brand: 'visa', last4, exp_month: 4, exp_year: 2030 }
  const made = { id, object: 'payment_method', created, customer, card }
  till.stripe.put('payment_methods', made)
  return made
}

describe('a checkout', () => {
  test('that is paid credits its amount, and not the tax on it, and keeps what a customer wants to see of it', async () => {
    const asked = await ask(till, { cents: 2_000, taxCents: 160, session: { invoice } })
    expect([await settle(asked), await settle(asked)]).toEqual(['applied', 'unchanged'])
    expect(await till.books(asked.organizationId)).toEqual({
      balanceNanos: 20_000_000_000,
      entries: { [`topup:${asked.topUpId}`]: 20_000_000_000 },
      events: ['topup.succeeded', 'invoice.ready'],
    })
    const told = { status: 'succeeded', paidCents: 2_160, taxCents: 160, paymentIntentId: asked.intentId }
    const pages = {
      receiptUrl: `https://pay.stripe.test/${asked.chargeId}`,
      invoiceNumber: 'RR-0001',
      invoicePdfUrl: 'https://i.test/1/pdf',
    }
    expect(await rowOf(asked)).toMatchObject({ ...told, ...pages, finishedAt: expect.any(Date) })
    expect(await auditOf(till.stage, asked.organizationId)).toMatchObject([{ actor: 'payments', action: 'top_up.succeeded' }])
  })

  test('gets its invoice when that is there, whichever comes first, and tells of it once', async () => {
    const asked = await ask(till)
    till.stripe.put('invoices', { ...invoice, created: 1, metadata: { topUpId: asked.topUpId } })
    expect(await settleInvoice(till.payments, 'in_1')).toBe('unchanged')
    await settle(asked)
    expect([await settleInvoice(till.payments, 'in_1'), await settleInvoice(till.payments, 'in_1')]).toEqual(['applied', 'unchanged'])
    expect((await till.books(asked.organizationId)).events).toEqual(['topup.succeeded', 'invoice.ready'])
    const other = await paid()
    change('checkout/sessions', other.sessionId, { invoice })
    expect([await settle(other), (await rowOf(other))?.invoiceNumber]).toEqual(['applied', 'RR-0001'])
  })

  test('that is complete and unpaid waits for its bank, whose word then counts', async () => {
    const waiting = { session: { payment_status: 'unpaid' }, intent: { status: 'processing', amount_received: 0 } }
    const [succeeds, fails, open] = [
      await ask(till, waiting),
      await ask(till, waiting),
      await ask(till, { session: { payment_status: 'unpaid', status: 'open' } }),
    ]
    for (const asked of [succeeds, fails, open])
      expect([await settle(asked), (await rowOf(asked))?.status]).toEqual(['unchanged', 'pending'])
    change('checkout/sessions', succeeds.sessionId, { payment_status: 'paid' })
    change('checkout/sessions', fails.sessionId, { payment_intent: { id: fails.intentId, status: 'requires_payment_method' } })
    change('checkout/sessions', open.sessionId, { status: 'expired' })
    for (const asked of [succeeds, fails, open]) expect([await settle(asked), await settle(asked)]).toEqual(['applied', 'unchanged'])
    expect((await till.books(succeeds.organizationId)).balanceNanos).toBe(10_000_000_000)
    expect([await rowOf(fails), await rowOf(open)]).toMatchObject([
      { status: 'failed', failure: 'failed' },
      { status: 'failed', failure: 'expired' },
    ])
    expect(await till.books(open.organizationId)).toMatchObject({ balanceNanos: 0, events: ['topup.failed'] })
    // Money that came after all is the customer's.
    change('checkout/sessions', fails.sessionId, { payment_status: 'paid' })
    expect([await settle(fails), await rowOf(fails)]).toMatchObject(['applied', { status: 'succeeded', failure: null }])
  })

  test.each([
    ['wrong_currency', { session: { currency: 'eur' } }],
    ['wrong_amount', { session: { amount_subtotal: 900, amount_total: 900 } }],
    ['wrong_amount', { session: { amount_total: 1 } }],
    ['wrong_amount', { session: { amount_subtotal: null } }],
    ['wrong_amount', { session: { payment_status: 'no_payment_required', amount_total: 0 } }],
    ['wrong_customer', { session: { customer: 'cus_other' } }],
    ['wrong_customer', { session: { customer: null } }],
    ['wrong_mode', { session: { livemode: true } }],
  ])('with the %s credits nothing and waits for a person: %j', async (reason, given) => {
    const asked = await ask(till, given)
    expect([await settle(asked), await settle(asked)]).toEqual(['set_aside', 'set_aside'])
    expect(await till.books(asked.organizationId)).toEqual({ balanceNanos: 0, entries: {}, events: [] })
    expect(await findingsOf(asked.sessionId)).toMatchObject([{ reason, organizationId: asked.organizationId }])
    expect(await rowOf(asked)).toMatchObject({ status: 'review', paidCents: null })
    expect(await auditOf(till.stage, asked.organizationId)).toMatchObject([{ action: 'top_up.set_aside' }])
    // What a person has decided is not settled a second time, even when it has become right.
    await till.stage.db.update(paymentFindings).set({ resolvedAt: new Date() }).where(eq(paymentFindings.objectId, asked.sessionId))
    const right = { currency: 'usd', livemode: false, amount_subtotal: 1_000, amount_total: 1_000, customer: `cus_${asked.organizationId}` }
    change('checkout/sessions', asked.sessionId, right)
    expect([await settle(asked), (await till.books(asked.organizationId)).balanceNanos]).toEqual(['unchanged', 0])
  })

  test('of a top-up that nobody knows, or that was paid before, is for a person, and one that is not ours is left alone', async () => {
    const [unknown, foreign, first] = [await ask(till), await ask(till), await paid()]
    change('checkout/sessions', unknown.sessionId, { metadata: { topUpId: 'top_nobody' } })
    change('checkout/sessions', foreign.sessionId, { metadata: {} })
    expect([await settle(unknown), await settle(foreign)]).toEqual(['set_aside', 'unchanged'])
    expect(await findingsOf(unknown.sessionId)).toMatchObject([{ reason: 'unknown_top_up', organizationId: null }])
    const again = await ask(till, { organizationId: first.organizationId })
    change('checkout/sessions', again.sessionId, { metadata: { topUpId: first.topUpId } })
    expect([await settle(again), await settle(first)]).toEqual(['set_aside', 'unchanged'])
    expect((await till.books(first.organizationId)).balanceNanos).toBe(10_000_000_000)
  })
})

test('an automatic payment credits once, and the intent of a checkout is settled by its session alone', async () => {
  const [automatic, checkout] = [await ask(till, { kind: 'automatic' }), await ask(till)]
  const settled = await Promise.all(Array.from({ length: 5 }, () => settlePaymentIntent(till.payments, automatic.intentId)))
  expect(settled.filter((each) => each === 'applied')).toHaveLength(1)
  expect(await till.books(automatic.organizationId)).toMatchObject({ balanceNanos: 10_000_000_000, events: ['topup.succeeded'] })
  expect(await settlePaymentIntent(till.payments, checkout.intentId)).toBe('unchanged')
  expect(await till.books(checkout.organizationId)).toMatchObject({ balanceNanos: 0 })
  const declined = await ask(till, { kind: 'automatic', intent: { status: 'requires_payment_method', amount_received: 0 } })
  expect([await settlePaymentIntent(till.payments, declined.intentId), (await rowOf(declined))?.status]).toEqual(['unchanged', 'pending'])
})

describe('what goes back', () => {
  test('in parts, with its tax, takes exactly what was given, each part once, however many look at it at once', async () => {
    const asked = await paid({ cents: 1_000, taxCents: 83 })
    const parts = [361, 361, 361].map((cents) => giveBack(till, asked, { cents, status: 'succeeded' }))
    await Promise.all([...parts, ...parts].map((id) => settleRefund(till.payments, id)))
    expect(await settleRefundsOfCharge(till.payments, asked.chargeId)).toBe('unchanged')
    const { balanceNanos, entries, events } = await till.books(asked.organizationId)
    expect(balanceNanos).toBe(0)
    expect(Object.values(entries).sort((one, other) => one - other)).toEqual([
      -3_333_333_334, -3_333_333_333, -3_333_333_333, 10_000_000_000,
    ])
    const refunds = Array.from({ length: 3 }, () => 'refund.created')
    expect(events.sort()).toEqual(['balance.exhausted', ...refunds, 'topup.succeeded'])
    expect((await rowOf(asked))?.returnedNanos).toBe(10_000_000_000)
  })

  test('may take the balance below zero, which is told, and comes back once when the refund fails', async () => {
    const asked = await paid()
    const { db } = till.stage
    await db.update(organizations).set({ balanceNanos: 3_000_000_000 }).where(eq(organizations.id, asked.organizationId))
    const id = giveBack(till, asked, { cents: 1_000, status: 'pending' })
    expect([await settleRefund(till.payments, id), await settleRefund(till.payments, id)]).toEqual(['applied', 'unchanged'])
    expect(await till.books(asked.organizationId)).toMatchObject({
      balanceNanos: -7_000_000_000,
      events: expect.arrayContaining(['balance.exhausted', 'refund.created']),
    })
    giveBack(till, asked, { id, cents: 1_000, status: 'failed' })
    expect([await settleRefund(till.payments, id), await settleRefund(till.payments, id)]).toEqual(['applied', 'unchanged'])
    const { balanceNanos, entries } = await till.books(asked.organizationId)
    expect([balanceNanos, entries[`refund:${id}`], entries[`refund_failed:${id}`]]).toEqual([
      3_000_000_000, -10_000_000_000, 10_000_000_000,
    ])
    expect(await rowOf(asked)).toMatchObject({ returnedNanos: 0 })
  })

  test('by a dispute comes back when it is won, and an inquiry takes nothing', async () => {
    const asked = await paid()
    const dispute = (status: string) =>
      giveBack(till, asked, { id: `dp_${asked.topUpId.slice(4)}`, kind: 'disputes', cents: 1_000, status })
    const id = dispute('warning_needs_response')
    expect(await settleDispute(till.payments, id)).toBe('unchanged')
    for (const [status, settlement, balanceNanos] of [
      ['needs_response', 'applied', 0],
      ['lost', 'unchanged', 0],
      ['won', 'applied', 10_000_000_000],
      ['won', 'unchanged', 10_000_000_000],
      // An answer that was on its way for long.
      ['needs_response', 'unchanged', 10_000_000_000],
    ] as const) {
      dispute(status)
      expect([status, await settleDispute(till.payments, id), (await till.books(asked.organizationId)).balanceNanos]).toEqual([
        status,
        settlement,
        balanceNanos,
      ])
    }
  })

  test('twice, by a refund and a dispute of the same payment, is taken once, and stays taken until neither holds it', async () => {
    const asked = await paid()
    const balance = async () => (await till.books(asked.organizationId)).balanceNanos
    const refund = giveBack(till, asked, { cents: 600, status: 'succeeded' })
    const dispute = giveBack(till, asked, { kind: 'disputes', cents: 1_000, status: 'needs_response' })
    await settleRefund(till.payments, refund)
    expect(await balance()).toBe(4_000_000_000)
    await settleDispute(till.payments, dispute)
    expect(await balance()).toBe(0)
    giveBack(till, asked, { id: refund, cents: 600, status: 'failed' })
    await settleRefund(till.payments, refund)
    expect(await balance()).toBe(0)
    giveBack(till, asked, { id: dispute, kind: 'disputes', cents: 1_000, status: 'won' })
    await settleDispute(till.payments, dispute)
    expect(await balance()).toBe(10_000_000_000)
  })

  test('may be heard of before its payment, which is settled first', async () => {
    const [checkout, automatic] = [await ask(till), await ask(till, { kind: 'automatic' })]
    for (const asked of [checkout, automatic]) {
      const id = giveBack(till, asked, { cents: 250, status: 'succeeded' })
      expect(await settleRefund(till.payments, id)).toBe('applied')
      expect((await till.books(asked.organizationId)).balanceNanos).toBe(7_500_000_000)
    }
  })

  test('of a payment that is not ours, or was not credited, takes nothing', async () => {
    const wrong = await ask(till, { session: { currency: 'eur' } })
    const foreign = await ask(till, { kind: 'automatic', intent: { metadata: {} } })
    for (const asked of [wrong, foreign]) {
      expect(await settleRefund(till.payments, giveBack(till, asked, { cents: 100, status: 'succeeded' }))).toBe('unchanged')
      expect((await till.books(asked.organizationId)).entries).toEqual({})
    }
  })

  test('out of the range of a balance, or in another currency, is for a person', async () => {
    const asked = await paid()
    const euros = giveBack(till, asked, { cents: 100, status: 'succeeded', currency: 'eur' })
    expect(await settleRefund(till.payments, euros)).toBe('set_aside')
    await till.stage.db.update(organizations).set({ balanceNanos: -maxAmountNanos }).where(eq(organizations.id, asked.organizationId))
    const id = giveBack(till, asked, { cents: 100, status: 'succeeded' })
    expect([await settleRefund(till.payments, id), (await till.books(asked.organizationId)).balanceNanos]).toEqual([
      'set_aside',
      -maxAmountNanos,
    ])
    expect([...(await findingsOf(euros)), ...(await findingsOf(id))]).toMatchObject([
      { reason: 'wrong_currency' },
      { reason: 'balance_out_of_range' },
    ])
    const rich = await ask(till)
    await till.stage.db.update(organizations).set({ balanceNanos: maxAmountNanos }).where(eq(organizations.id, rich.organizationId))
    expect([await settle(rich), await rowOf(rich)]).toMatchObject(['set_aside', { status: 'review' }])
  })
})

describe('a saved card', () => {
  const set = (asked: Asked, fields: object) =>
    till.stage.db.update(billingAccounts).set(fields).where(eq(billingAccounts.organizationId, asked.organizationId))
  const setUp = (asked: Asked, paymentMethod: object) => {
    const done = { mode: 'setup', status: 'complete', setup_intent: { id: 'seti_1', status: 'succeeded', payment_method: paymentMethod } }
    till.stripe.put('checkout/sessions', {
      id: 'cs_setup',
      created: nowSeconds(),
      livemode: false,
      customer: `cus_${asked.organizationId}`,
      ...done,
    })
    return settleCheckout(till.payments, 'cs_setup')
  }

  test('is what a checkout was asked to save, when none is saved yet', async () => {
    const customer = await till.stage.organization([])
    const pay = (id: string, usage: string | null) =>
      paid({ organizationId: customer, intent: { payment_method: method(id, `cus_${customer}`, 1), setup_future_usage: usage } })
    expect(await accountOf(await pay('pm_none', null))).toMatchObject({ paymentMethodId: null, card: null })
    const saved = { paymentMethodId: 'pm_first', card: { brand: 'visa', last4: '4242', expMonth: 4, expYear: 2030 } }
    expect(await accountOf(await pay('pm_first', 'off_session'))).toMatchObject(saved)
    expect(await accountOf(await pay('pm_second', 'off_session'))).toMatchObject(saved)
    expect(await auditOf(till.stage, customer)).toContainEqual(
      expect.objectContaining({ action: 'payment_method.saved', target: 'pm_first' }),
    )
  })

  test('is replaced by one that a person sets up, and never by an older or detached one', async () => {
    const asked = await ask(till)
    const customer = `cus_${asked.organizationId}`
    expect(await setUp(asked, method('pm_a', customer, 100))).toBe('applied')
    expect(await setUp(asked, method('pm_b', customer, 200, '1111'))).toBe('applied')
    expect(await setUp(asked, method('pm_a', customer, 100))).toBe('unchanged')
    expect(await setUp(asked, method('pm_c', null, 300))).toBe('unchanged')
    expect(await accountOf(asked)).toMatchObject({ paymentMethodId: 'pm_b', card: { last4: '1111' } })
  })

  test('that is detached is forgotten, and turns automatic top-ups off', async () => {
    const asked = await ask(till)
    await setUp(asked, method('pm_d', `cus_${asked.organizationId}`, 100))
    await set(asked, { automatic: true, thresholdNanos: 1, amountNanos: 10_000_000, monthlyCapNanos: 10_000_000 })
    expect(await settlePaymentMethod(till.payments, 'pm_d')).toBe('unchanged')
    method('pm_d', `cus_${asked.organizationId}`, 100, '9999')
    expect([await settlePaymentMethod(till.payments, 'pm_d'), await accountOf(asked)]).toMatchObject([
      'applied',
      { automatic: true, card: { last4: '9999' } },
    ])
    method('pm_d', null, 100)
    expect([await settlePaymentMethod(till.payments, 'pm_d'), await settlePaymentMethod(till.payments, 'pm_d')]).toEqual([
      'applied',
      'unchanged',
    ])
    expect(await accountOf(asked)).toMatchObject({
      paymentMethodId: null,
      card: null,
      automatic: false,
      stoppedBecause: 'payment_method_removed',
    })
  })
})
