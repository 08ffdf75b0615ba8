import { asc, eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { billingAccounts, customerEvents, organizations, platformSettings, topUps } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { auditOf } from '../../testing/audit-of.ts'
import { type Stage, setStage, type TestPerson } from '../../testing/stage.ts'
import { type ScriptedCheckout, setUpStripe, startScriptedCheckout } from '../testing/scripted-checkout.ts'
import { runAutomaticTopUps } from './run.ts'

const usd = 1_000_000_000
const minuteMs = 60_000
const hourMs = 3_600_000

let stage: Stage
let stripe: ScriptedCheckout
let owner: TestPerson
let organizationId: string
let card: string
beforeAll(async () => {
  stripe = await startScriptedCheckout()
  stage = await setStage({ STRIPE_URL: stripe.url })
  owner = await stage.person()
})
beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await stage.db.update(billingAccounts).set({ automatic: false })
  await stage.db.delete(topUps)
  await setUpStripe(stage)
  stripe.asked.length = 0
  ;({ organizationId, card } = await customer())
})
afterAll(async () => {
  stripe?.stop()
  await stage?.stop()
})

/** A customer with nothing left, who has chosen to be topped up by 10 dollars below 5, and by 25 a month at the most. */
async function customer(): Promise<{ organizationId: string; card: string }> {
  const id = await stage.organization([[owner, 'owner']])
  const account = { stripeCustomerId: `cus_${id}`, livemode: false, paymentMethodId: `pm_${id}`, automatic: true }
  const chosen = {
    thresholdNanos: 5 * usd,
    amountNanos: 10 * usd,
    monthlyCapNanos: 25 * usd,
    automaticSince: new Date(Date.now() - 100 * 24 * hourMs),
  }
  await stage.db.insert(billingAccounts).values({ organizationId: id, ...account, ...chosen })
  return { organizationId: id, card: account.paymentMethodId }
}

const run = () => runAutomaticTopUps(stage.surroundings)
const rows = () => stage.db.select().from(topUps).where(eq(topUps.organizationId, organizationId)).orderBy(asc(topUps.id))
const payments = () => stripe.intents.filter(({ metadata }) => metadata.organizationId === organizationId)
const asks = () => stripe.asked.filter(({ method, path }) => method === 'POST' && path === '/v1/payment_intents')
const change = (set: object) => stage.db.update(billingAccounts).set(set).where(eq(billingAccounts.organizationId, organizationId))
const balance = (balanceNanos: number) => stage.db.update(organizations).set({ balanceNanos }).where(eq(organizations.id, organizationId))
const told = async () =>
  (await stage.db.select().from(customerEvents).where(eq(customerEvents.organizationId, organizationId)).orderBy(asc(customerEvents.id)))
    .filter(({ type }) => type.startsWith('topup'))
    .map(({ data }) => data)
const path = (rest: string) => `/api/organizations/${organizationId}/billing/${rest}`
const shown = async () => (await stage.call('GET', path('automatic-top-up'), { cookie: owner.cookie })).json

/** As if all that happened had happened that much earlier. */
async function pass(ms: number): Promise<void> {
  const seconds = ms / 1_000
  await stage.db.execute(sql`update top_ups set created_at = created_at - make_interval(secs => ${seconds}),
    finished_at = finished_at - make_interval(secs => ${seconds}) where organization_id = ${organizationId}`)
}

/** What settlement does with a payment that was made, except for the money. */
async function settle(): Promise<void> {
  await stage.db.update(topUps).set({ status: 'succeeded', finishedAt: new Date() }).where(eq(topUps.status, 'pending'))
}

describe('a balance below its threshold', () => {
  test('is topped up with the saved card, off session, once: also by two runs at once, and not again before it is settled', async () => {
    expect(await Promise.all([run(), run()])).toContainEqual({ taken: 1 })
    await run()
    const [row] = await rows()
    expect(await rows()).toMatchObject([
      { kind: 'automatic', status: 'pending', amountNanos: 10 * usd, paymentIntentId: payments()[0]?.id, createdBy: null, livemode: false },
    ])
    expect(asks()[0]).toMatchObject({
      idempotencyKey: row?.id,
      form: {
        amount: '1000',
        currency: 'usd',
        customer: `cus_${organizationId}`,
        payment_method: card,
        off_session: 'true',
        confirm: 'true',
        'metadata[topUpId]': row?.id,
        'metadata[organizationId]': organizationId,
        'metadata[kind]': 'automatic',
      },
    })
    expect([payments().length, new Set(asks().map(({ idempotencyKey }) => idempotencyKey))]).toEqual([1, new Set([row?.id])])
    const entry = { actor: 'automatic_top_up', action: 'top_up.requested', target: row?.id }
    expect(await auditOf(stage, organizationId)).toMatchObject([{ ...entry, after: { amountNanos: 10 * usd } }])
    expect(await shown()).toMatchObject({ enabled: true, spentThisMonthNanos: 10 * usd, isCapReached: false, failures: 0 })
  })

  test('is left alone when it is at the threshold, and of whom is suspended, turned it off, or pays in another mode', async () => {
    await balance(5 * usd)
    expect(await run()).toEqual({})
    await balance(5 * usd - 1)
    await stage.db.update(organizations).set({ status: 'suspended' }).where(eq(organizations.id, organizationId))
    expect(await run()).toEqual({})
    await stage.db.update(organizations).set({ status: 'active' }).where(eq(organizations.id, organizationId))
    await change({ automatic: false })
    expect(await run()).toEqual({})
    await change({ automatic: true, livemode: true })
    expect(await run()).toEqual({})
    expect([stripe.asked, await rows()]).toEqual([[], []])
    await change({ livemode: false })
    expect(await run()).toEqual({ taken: 1 })
  })

  test('is topped up within the cap of the UTC month, by what was begun in it; a cap that is reached is shown', async () => {
    const earlier = { organizationId, kind: 'automatic', amountNanos: 10 * usd, status: 'succeeded', livemode: false } as const
    const now = new Date()
    const monthStart = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)
    await stage.db.insert(topUps).values([
      { ...earlier, id: newId('top', monthStart - 1), createdAt: new Date(monthStart - 1) },
      { ...earlier, id: newId('top', monthStart), createdAt: new Date(monthStart) },
    ])
    expect(await shown()).toMatchObject({ spentThisMonthNanos: 10 * usd, isCapReached: false })
    expect(await run()).toEqual({ taken: 1 })
    await settle()
    expect(await run()).toEqual({})
    expect(await shown()).toMatchObject({ spentThisMonthNanos: 20 * usd, isCapReached: true })
    expect(await told()).toEqual([])
    await change({ monthlyCapNanos: 30 * usd })
    expect(await run()).toEqual({ taken: 1 })
  })

  test('is not topped up while a payment is looked into, nor after money went back, which turns it off', async () => {
    await run()
    await stage.db.update(topUps).set({ status: 'review' })
    expect(await run()).toEqual({})
    await stage.db.update(topUps).set({ status: 'succeeded', finishedAt: new Date(), returnedNanos: usd })
    expect(await run()).toEqual({})
    expect(payments()).toHaveLength(1)
    expect(await shown()).toMatchObject({ enabled: false, stoppedBecause: 'payment_returned' })
    await change({ automatic: true, automaticSince: new Date(Date.now() + 1_000) })
    expect(await run()).toEqual({ taken: 1 })
  })

  test('of one customer waits for nothing that befalls another', async () => {
    stripe.fates.set(card, ['unheard'])
    const others = [await customer(), await customer(), await customer(), await customer()]
    expect(await run()).toEqual({ unknown: 1, taken: others.length })
  })

  test('is left alone as long as Stripe is not set up, without a failure', async () => {
    await stage.db.delete(platformSettings)
    expect(await run()).toEqual({})
    await setUpStripe(stage)
    expect(await run()).toEqual({ taken: 1 })
  })
})

describe('a payment of unknown fate', () => {
  test.each(['lost', 'unheard', 'down', 'rate_limited'] as const)(
    '(%s) is asked for again under its key, and is one payment',
    async (fate) => {
      stripe.fates.set(card, [fate, fate])
      expect(await run()).toEqual({ unknown: 1 })
      expect(await run()).toEqual({ unknown: 1 })
      expect(await run()).toEqual({ taken: 1 })
      expect(await run()).toEqual({})
      expect(payments()).toHaveLength(1)
      expect(new Set(asks().map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
      expect(await rows()).toMatchObject([{ status: 'pending', paymentIntentId: payments()[0]?.id }])
    },
  )

  test('is looked up after 23 hours, and never asked for again before that; what never was has failed', async () => {
    stripe.fates.set(card, ['lost', 'unheard'])
    await run()
    await pass(23 * hourMs)
    expect(await run()).toEqual({ taken: 1 })
    expect([asks().length, payments().length]).toEqual([1, 1])
    await settle()
    await run()
    await pass(23 * hourMs)
    expect(await run()).toEqual({ failed: 1 })
    expect([asks().length, payments().length]).toEqual([2, 1])
    expect(await told()).toMatchObject([{ topUpId: (await rows())[1]?.id, reason: 'failed', retryAt: expect.any(String) }])
  })

  test('is not asked for again when its customer has turned it off: it is looked for', async () => {
    stripe.fates.set(card, ['unheard'])
    await run()
    await change({ automatic: false })
    expect(await run()).toEqual({ unknown: 1 })
    await pass(11 * minuteMs)
    expect(await run()).toEqual({ failed: 1 })
    expect([asks().length, payments().length]).toEqual([1, 0])
    expect(await told()).toMatchObject([{ reason: 'failed', retryAt: null }])
  })

  test('is looked up when the card was replaced since', async () => {
    stripe.fates.set(card, ['lost'])
    await run()
    await change({ paymentMethodId: `${card}_2` })
    expect(await run()).toEqual({ key_reused: 1 })
    await pass(11 * minuteMs)
    expect(await run()).toEqual({ taken: 1 })
    expect(payments()).toHaveLength(1)
  })

  test('that was under way for an hour is looked up', async () => {
    stripe.fates.set(card, ['processing'])
    expect(await run()).toEqual({ taken: 1 })
    expect(await run()).toEqual({})
    Object.assign(payments()[0] ?? {}, { status: 'requires_payment_method' })
    await pass(hourMs)
    expect(await run()).toEqual({ failed: 1 })
    expect(await rows()).toMatchObject([{ status: 'failed', failure: 'declined' }])
  })
})

describe('a declined payment', () => {
  test('is tried again after 1, 6 and 24 hours, then turned off; each is told once, with when it is tried again', async () => {
    stripe.fates.set(card, ['declined', 'declined', 'invalid', 'declined'])
    for (const [index, hours] of [1, 6, 24].entries()) {
      expect(await run()).toEqual({ failed: 1 })
      const retryAt = new Date(Number((await rows())[index]?.finishedAt) + hours * hourMs).toISOString()
      expect(await shown()).toMatchObject({ enabled: true, failures: index + 1, retryAt })
      expect((await told()).at(-1)).toMatchObject({ kind: 'automatic', amountNanos: 10 * usd, retryAt })
      await pass(hours * hourMs - minuteMs)
      expect(await run()).toEqual({})
      await pass(minuteMs)
    }
    expect(await run()).toEqual({ failed: 1 })
    await pass(1_000 * hourMs)
    expect(await run()).toEqual({})
    expect((await rows()).map(({ status, failure }) => [status, failure])).toEqual(
      ['declined', 'declined', 'failed', 'declined'].map((failure) => ['failed', failure]),
    )
    expect((await told()).map((data) => [data.reason, data.retryAt === null])).toEqual([
      ['declined', false],
      ['declined', false],
      ['failed', false],
      ['declined', true],
    ])
    expect(await shown()).toMatchObject({ enabled: false, failures: 4, retryAt: null, stoppedBecause: 'declined' })
    expect((await auditOf(stage, organizationId)).at(-2)).toMatchObject({ action: 'top_up.failed' })
    expect((await auditOf(stage, organizationId)).at(-1)).toMatchObject({ action: 'automatic_top_up.stopped', after: { failures: 4 } })
  })

  test('counts no more once one has succeeded, or somebody turned it on again', async () => {
    stripe.fates.set(card, ['declined', 'declined', 'succeeded', 'declined'])
    await run()
    await pass(hourMs)
    await run()
    await pass(6 * hourMs)
    expect(await run()).toEqual({ taken: 1 })
    expect(await shown()).toMatchObject({ failures: 2 })
    await settle()
    expect(await shown()).toMatchObject({ failures: 0, retryAt: null })
    expect(await run()).toEqual({ failed: 1 })
    expect(await shown()).toMatchObject({ failures: 1, retryAt: expect.any(String) })
    const wanted = { enabled: true, thresholdNanos: 5 * usd, amountNanos: 10 * usd, monthlyCapNanos: 100 * usd }
    expect(await stage.call('PUT', path('automatic-top-up'), { cookie: owner.cookie, body: wanted })).toMatchObject({
      status: 200,
      json: { enabled: true, failures: 0, retryAt: null },
    })
    expect(await run()).toEqual({ taken: 1 })
  })

  test('that asks for a person is not tried again', async () => {
    stripe.fates.set(card, ['authentication_required'])
    expect(await run()).toEqual({ failed: 1 })
    expect(await rows()).toMatchObject([{ failure: 'authentication_required', paymentIntentId: payments()[0]?.id }])
    expect(await told()).toMatchObject([{ reason: 'authentication_required', retryAt: null }])
    expect(await shown()).toMatchObject({ enabled: false, stoppedBecause: 'authentication_required' })
    await pass(1_000 * hourMs)
    expect(await run()).toEqual({})
  })

  test('whose answer was lost has failed once, when Stripe repeats it', async () => {
    stripe.fates.set(card, ['down', 'declined'])
    await run()
    expect(await Promise.all([run(), run()])).toContainEqual({ failed: 1 })
    expect(await told()).toHaveLength(1)
    expect(await shown()).toMatchObject({ failures: 1 })
    expect(stage.nudges.some((nudge) => nudge.organizationIds.includes(organizationId))).toBe(true)
  })
})
