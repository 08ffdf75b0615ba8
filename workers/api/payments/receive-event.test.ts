import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ledgerEntries, secrets, stripeEvents } from '#db/schema/index.ts'
import { stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import { maxStripeEventBytes } from './limits.ts'
import { sweepPayments } from './sweep.ts'
import {
  type Asked,
  ask,
  drain,
  eventOf,
  giveBack,
  makeDue,
  nowSeconds,
  openTill,
  type SentEvent,
  send,
  type Till,
} from './testing/till.ts'

let till: Till
let logged: string[] = []
beforeAll(async () => {
  till = await openTill()
})
afterAll(() => till?.stop())
beforeEach(() => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line))
})
afterEach(() => vi.restoreAllMocks())

const stored = async () => till.stage.db.select().from(stripeEvents)
const statusOf = async ({ id }: SentEvent) => (await stored()).find((row) => row.id === id)?.status

describe('an event is taken', () => {
  test('once by its id, a hundred times at once, and credits once', async () => {
    const { organizationId, topUpId, sessionId } = await ask(till, { cents: 1_234 })
    const event = eventOf('checkout.session.completed', sessionId)
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(till, event)))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 {"received":true}']))
    expect(till.stage.payments).toEqual([{ stripeEventId: event.id }])
    // The queue too may bring it again, and several at once.
    till.stage.payments.push(...Array.from({ length: 9 }, () => ({ stripeEventId: event.id })))
    expect(await drain(till, 2)).toMatchObject({ applied: 1, failed: 0 })
    expect(await till.books(organizationId)).toEqual({
      balanceNanos: 12_340_000_000,
      entries: { [`topup:${topUpId}`]: 12_340_000_000 },
      events: ['topup.succeeded'],
    })
    expect(await statusOf(event)).toBe('processed')
    expect(till.stage.nudges).toContainEqual({ organizationIds: [organizationId] })
    expect(till.stage.ledger.pushed).toContainEqual(expect.objectContaining({ organizationId, balanceNanos: 12_340_000_000 }))
  })

  test('but forged, stale, unsigned or not an event it is refused, and nothing of it is kept', async () => {
    const event = eventOf('checkout.session.completed', (await ask(till)).sessionId)
    const count = (await stored()).length
    const refused = [
      await send(till, event, { secret: 'whsec_ofsomebodyelse00000' }),
      await send(till, event, { timestamp: nowSeconds() - 310 }),
      await send(till, event, { signature: null }),
      await send(till, event, { signature: 't=1,v1=' }),
      await send(till, event, { signature: `t=${nowSeconds()},v0=00` }),
      await send(till, event, { body: '{}' }),
      await send(till, event, { body: 'x\u0000' }),
      await send(till, { ...event, id: 'evt_\u0000' }),
      await send(till, { ...event, type: "x'; drop table stripe_events" }),
    ]
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 400))
    expect(await send(till, event, { body: 'x'.repeat(maxStripeEventBytes + 1) })).toMatchObject({ status: 413 })
    expect([(await stored()).length, till.stage.payments]).toEqual([count, []])
    // A clock may differ by minutes, and a browser's guard against other sites is not meant for Stripe.
    expect(await send(till, event, { timestamp: nowSeconds() - 290 })).toMatchObject({ status: 200 })
    await drain(till)
  })

  test('and without its length announced it is cut off at the limit', async () => {
    let pulled = 0
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(65_536))
      },
    })
    const { apiApp } = await import('../app.ts')
    const init = { method: 'POST', body, duplex: 'half', headers: { 'stripe-signature': 't=1,v1=0' } }
    expect((await apiApp.request('/api/stripe/events', init, till.stage.env)).status).toBe(413)
    expect(pulled).toBeLessThan(12)
  })

  test('not at all while there is no signing secret', async () => {
    const { db } = till.stage
    const [kept] = await db.delete(secrets).where(eq(secrets.purpose, stripeWebhookPlace.purpose)).returning()
    const event = eventOf('refund.created', 're_x')
    // What an empty secret would have signed.
    expect(await send(till, event, { secret: '' })).toMatchObject({ status: 503, json: { code: 'payments_off' } })
    if (kept) await db.insert(secrets).values(kept)
    expect(await statusOf(event)).toBeUndefined()
  })

  test('of the other mode it waits for a person, and of a type that nothing depends on it is only kept', async () => {
    const { organizationId, sessionId } = await ask(till)
    const live = { ...eventOf('checkout.session.completed', sessionId), livemode: true }
    const other = eventOf('customer.created', 'cus_x')
    for (const event of [live, live, other]) expect((await send(till, event)).status).toBe(200)
    expect([await statusOf(live), await statusOf(other), till.stage.payments]).toEqual(['set_aside', 'ignored', []])
    expect(await till.findings()).toMatchObject([
      { objectId: sessionId, reason: 'wrong_mode', details: { livemode: false, foundLivemode: true } },
    ])
    expect((await till.books(organizationId)).balanceNanos).toBe(0)
  })
})

describe('what cannot be settled now is settled later', () => {
  test('when the queue does not take it', async () => {
    const { organizationId, sessionId } = await ask(till)
    vi.spyOn(till.stage.surroundings.payments, 'send').mockRejectedValue(new Error('away'))
    expect(await send(till, eventOf('checkout.session.completed', sessionId))).toMatchObject({ status: 200 })
    await makeDue(till)
    expect(await sweepPayments(till.stage.surroundings, Date.now())).toMatchObject({ settled: 1, failed: 0 })
    expect((await till.books(organizationId)).balanceNanos).toBe(10_000_000_000)
  })

  test('when Stripe does not answer, later with each attempt, and its words and our key are in no log', async () => {
    const { organizationId, sessionId } = await ask(till)
    const event = eventOf('checkout.session.completed', sessionId)
    await send(till, event)
    till.stripe.isAway = true
    expect(await drain(till)).toMatchObject({ failed: 1 })
    // It is not yet due.
    expect(await sweepPayments(till.stage.surroundings, Date.now())).toMatchObject({ failed: 0 })
    await makeDue(till)
    expect(await sweepPayments(till.stage.surroundings, Date.now())).toMatchObject({ failed: 1 })
    expect((await stored()).find(({ id }) => id === event.id)).toMatchObject({ status: 'received', attempts: 2 })
    till.stripe.isAway = false
    await makeDue(till)
    expect(await sweepPayments(till.stage.surroundings, Date.now())).toMatchObject({ settled: 1 })
    expect((await till.books(organizationId)).balanceNanos).toBe(10_000_000_000)
    expect(logged.join()).toContain('stripe_event_not_settled')
    expect(logged.join()).not.toMatch(/sk_test|No such/)
  })

  test('when its consumer died after the commit, without crediting twice', async () => {
    const { organizationId, sessionId } = await ask(till)
    const event = eventOf('checkout.session.completed', sessionId)
    await send(till, event)
    await drain(till)
    await till.stage.db.update(stripeEvents).set({ status: 'received' }).where(eq(stripeEvents.id, event.id))
    await makeDue(till)
    expect(await sweepPayments(till.stage.surroundings, Date.now())).toMatchObject({ settled: 0, failed: 0 })
    expect([await statusOf(event), (await till.books(organizationId)).balanceNanos]).toEqual(['processed', 10_000_000_000])
  })
})

/** A number from 0 to `below` from a seed that a failure names (Lehmer). */
function dice(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

/** Payments, and the events about them; `expected` is what each customer has in the end, reckoned apart from the code. */
async function makeHistory(roll: (below: number) => number, count: number) {
  const events: SentEvent[] = []
  const expected = new Map<string, number>()
  const later: (() => void)[] = []
  const customers = await Promise.all(Array.from({ length: Math.ceil(count / 10) }, () => till.stage.organization([])))
  while (events.length < count) {
    const [cents, taxCents, kind] = [500 + roll(5_000), roll(3) === 0 ? roll(400) : 0, roll(3) === 0 ? 'automatic' : 'checkout'] as const
    // A customer has one automatic top-up under way.
    const organizationId = kind === 'automatic' ? await till.stage.organization([]) : (customers[roll(customers.length)] ?? '')
    const isWrong = roll(12) === 0
    const asked = await ask(till, {
      organizationId,
      cents,
      taxCents: kind === 'automatic' ? 0 : taxCents,
      kind,
      ...(isWrong && wrongly(kind)),
    })
    events.push(
      kind === 'checkout' ? eventOf('checkout.session.completed', asked.sessionId) : eventOf('payment_intent.succeeded', asked.intentId),
    )
    const paid = kind === 'automatic' ? cents : cents + taxCents
    const gone = roll(2) === 0 ? returns(asked, roll, paid, events, later) : 0
    const left = isWrong ? 0 : cents * 10_000_000 - Math.ceil((cents * 10_000_000 * gone) / paid)
    expected.set(organizationId, (expected.get(organizationId) ?? 0) + left)
  }
  return { events, expected, later }
}

function wrongly(kind: 'checkout' | 'automatic') {
  return kind === 'checkout' ? { session: { currency: 'eur' } } : { intent: { currency: 'eur' } }
}

/** Refunds and disputes of a payment, some of which come back; answers how many cents are gone in the end. */
function returns(asked: Asked, roll: (below: number) => number, paid: number, events: SentEvent[], later: (() => void)[]): number {
  let gone = 0
  for (let left = roll(3) + 1; left > 0; left--) {
    const isDispute = roll(3) === 0
    const given = {
      kind: isDispute ? 'disputes' : 'refunds',
      cents: 1 + roll(paid),
      status: isDispute ? 'needs_response' : 'pending',
    } as const
    const id = giveBack(till, asked, given)
    const comesBack = roll(3) === 0
    const status = comesBack ? (isDispute ? 'won' : 'failed') : isDispute ? 'lost' : 'succeeded'
    later.push(() => giveBack(till, asked, { ...given, id, status }))
    const types = isDispute
      ? ['charge.dispute.created', 'charge.dispute.closed']
      : ['refund.created', comesBack ? 'refund.failed' : 'refund.updated']
    events.push(...types.map((type) => eventOf(type, id)))
    if (!comesBack) gone += given.cents
  }
  return Math.min(gone, paid)
}

/** RELAY_LONG=1 sends 10,000 events; RELAY_SEED sends those of one run again. */
const eventCount = process.env.RELAY_LONG ? 10_000 : 120

test(`${eventCount} events, each three times, shuffled, some forged, in batches at once, sum exactly`, { timeout: 3_600_000 }, async () => {
  const seed = Number(process.env.RELAY_SEED ?? Date.now() % 1_000_000_000)
  const roll = dice(seed)
  const { events, expected, later } = await makeHistory(roll, eventCount)
  const deliveries = [...events, ...events, ...events].sort(() => roll(3) - 1)
  for (let first = 0; first < deliveries.length; first += 60) {
    const some = deliveries.slice(first, first + 60)
    const answers = await Promise.all(
      some.map((event) =>
        roll(20) === 0 ? send(till, eventOf(event.type, event.objectId), { secret: 'whsec_forged0000000000' }) : send(till, event),
      ),
    )
    expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 400)).toEqual([])
    // What Stripe says changes while its events are under way.
    for (const change of later.splice(0, Math.ceil((later.length * 60) / deliveries.length))) change()
    expect(await drain(till, 10), `RELAY_SEED=${seed}`).toMatchObject({ failed: 0 })
  }
  for (const change of later.splice(0)) change()
  // What was said last is looked at last; each of these ids is of an event that Stripe sends when a state changes.
  const ofReturns = new Map(events.filter(({ type }) => /refund|dispute/.test(type)).map(({ objectId, type }) => [objectId, type]))
  const last = [...ofReturns]
  while (last.length > 0) {
    await Promise.all(last.splice(0, 60).map(([objectId, type]) => send(till, eventOf(type, objectId))))
    expect(await drain(till, 10), `RELAY_SEED=${seed}`).toMatchObject({ failed: 0 })
  }
  const { db } = till.stage
  for (const [organizationId, balance] of expected) {
    const books = await till.books(organizationId)
    expect([organizationId, books.balanceNanos], `RELAY_SEED=${seed}`).toEqual([organizationId, balance])
    expect(Object.values(books.entries).reduce((sum, nanos) => sum + nanos, 0)).toBe(balance)
  }
  const rows = await db.select({ id: ledgerEntries.eventId }).from(ledgerEntries)
  expect(rows.length).toBeGreaterThan(events.length / 4)
})
