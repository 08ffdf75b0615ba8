import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { organizations, topUps } from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import { reconcilePayments } from './reconcile-payments.ts'
import { sweepPayments } from './sweep.ts'
import { type Asked, ask, giveBack, nowSeconds, openTill, type Till } from './testing/till.ts'

let till: Till
beforeAll(async () => {
  till = await openTill()
})
afterAll(() => till?.stop())

const reconcile = () => reconcilePayments(till.stage.surroundings, Date.now())
const balanceOf = async ({ organizationId }: Asked) => (await till.books(organizationId)).balanceNanos
const daySeconds = 86_400

test('three days of lost events are found in the lists of Stripe, page by page, and settled once', async () => {
  const { organizationId: someone } = await ask(till)
  const old = (days: number) => ({ created: nowSeconds() - days * daySeconds })
  const lost: Asked[] = []
  for (let index = 0; index < 12; index++)
    lost.push(await ask(till, { kind: index % 2 ? 'automatic' : 'checkout', session: old(index / 3.5), intent: old(index / 3.5) }))
  const forgotten = await ask(till, { session: old(4.5) })
  const [refunded, disputed] = [lost[0], lost[1]]
  if (!refunded || !disputed) throw new Error('both are among what was lost')
  giveBack(till, refunded, { cents: 400, status: 'succeeded', ...old(1) })
  const dispute = giveBack(till, disputed, { kind: 'disputes', cents: 1_000, status: 'needs_response', ...old(1) })
  const unknown = await ask(till, { session: { metadata: { topUpId: 'top_nobody' }, ...old(2) } })
  expect(await reconcile()).toMatchObject({ settled: 15, set_aside: 1, failed: 0, cut_off: 0 })
  expect(await Promise.all(lost.map(balanceOf))).toEqual(
    lost.map((asked) => (asked === refunded ? 6_000_000_000 : asked === disputed ? 0 : 10_000_000_000)),
  )
  expect([await balanceOf(forgotten), await balanceOf({ ...unknown, organizationId: someone })]).toEqual([0, 10_000_000_000])
  expect(await till.findings()).toMatchObject([{ objectId: unknown.sessionId, reason: 'unknown_top_up' }])
  expect(await reconcile()).toMatchObject({ settled: 0, failed: 0 })
  // A dispute may be won long after every list of days has forgotten it.
  giveBack(till, disputed, { id: dispute, kind: 'disputes', cents: 1_000, status: 'won', ...old(60) })
  await till.stage.db.execute(sql`update top_up_returns set created_at = now() - interval '60 days'`)
  expect(await reconcile()).toMatchObject({ settled: 1 })
  expect(await balanceOf(disputed)).toBe(10_000_000_000)
})

test('what cannot be settled stops nothing else of the comparison', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const [broken, whole] = [await ask(till), await ask(till)]
  const list = till.stripe.objects['checkout/sessions']
  const session = list?.get(broken.sessionId)
  if (session) till.stripe.put('checkout/sessions', { ...session, amount_total: 1_000.5, total_details: { amount_tax: 0.5 } })
  expect(await reconcile()).toMatchObject({ settled: 1 })
  expect([await balanceOf(whole), await balanceOf(broken)]).toEqual([10_000_000_000, 0])
  vi.restoreAllMocks()
})

test('a pending top-up is asked about after two minutes, less often as it grows old', async () => {
  const { db, surroundings } = till.stage
  const [young, ripe] = [await ask(till), await ask(till)]
  const age = ({ topUpId }: Pick<Asked, 'topUpId'>, minutes: number) =>
    db
      .update(topUps)
      .set({ createdAt: new Date(Date.now() - minutes * 60_000 - 5_000) })
      .where(eq(topUps.id, topUpId))
  await age(ripe, 2)
  await age(young, 1)
  expect(await sweepPayments(surroundings, Date.now())).toMatchObject({ settled: 1, failed: 0 })
  expect([await balanceOf(young), await balanceOf(ripe)]).toEqual([0, 10_000_000_000])
  const waiting = await ask(till, { session: { payment_status: 'unpaid', status: 'open' } })
  let asked = 0
  for (let minutes = 0; minutes < 30; minutes++) {
    await age(waiting, minutes)
    await age(young, 0)
    till.stripe.asked.length = 0
    await sweepPayments(surroundings, Date.now())
    asked += till.stripe.asked.length
  }
  expect(asked).toBeGreaterThan(7)
  expect(asked).toBeLessThan(14)
})

test('a top-up that never got to Stripe ends after a day', async () => {
  const { db, surroundings } = till.stage
  const [organizationId, topUpId] = [await till.stage.organization([]), newId('top')]
  const row = { id: topUpId, organizationId, kind: 'checkout' as const, amountNanos: 10_000_000_000, livemode: false }
  await db.insert(topUps).values({ ...row, createdAt: new Date(Date.now() - 26 * 3_600_000) })
  expect(await sweepPayments(surroundings, Date.now())).toMatchObject({ ended: 1 })
  expect(await till.books(organizationId)).toMatchObject({ balanceNanos: 0, events: ['topup.failed'] })
  expect(await db.select().from(organizations).where(eq(organizations.id, organizationId))).toHaveLength(1)
})
