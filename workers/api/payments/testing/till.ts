import { createHmac } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import { billingAccounts, customerEvents, ledgerEntries, organizations, paymentFindings, topUps } from '#db/schema/index.ts'
import { nanosPerCent } from '#shared/contracts/stripe-settings.ts'
import { newId } from '#shared/values/id.ts'
import { setStripeSettings } from '#workers/services/payments/set-stripe-settings.ts'
import { type Answer, type Stage, setStage } from '../../testing/stage.ts'
import { openPayments, type Payments } from '../payments.ts'
import { consumePayments, type SettledEvents } from '../settle-events.ts'
import { type ScriptedStripe, type StripeObject, scriptStripe } from './scripted-stripe.ts'

export const webhookSecret = 'whsec_0123456789abcdef0123'

/** The api Worker with a scripted Stripe that it is set up for. */
export interface Till {
  stage: Stage
  stripe: ScriptedStripe
  payments: Payments
  /** What a customer has, and what it was told. */
  books(organizationId: string): Promise<Books>
  findings(): Promise<(typeof paymentFindings.$inferSelect)[]>
  stop(): Promise<void>
}

export interface Books {
  balanceNanos: number
  /** Event ids of the ledger with what each moved. */
  entries: Record<string, number>
  events: string[]
}

export async function openTill(): Promise<Till> {
  const stripe = await scriptStripe()
  const stage = await setStage({ STRIPE_URL: stripe.url })
  const { surroundings, db } = stage
  const actor = { type: 'operator', id: 'test', ip: null, requestId: null } as const
  const bounds = { minTopUpNanos: 10_000_000, maxTopUpNanos: 10_000_000, automaticTax: false, collectTaxIds: false }
  await setStripeSettings({ ...surroundings, actor }, { ...bounds, secretKey: 'sk_test_0123456789abcdef', webhookSecret })
  return {
    stage,
    stripe,
    payments: await openPayments(surroundings),
    books: (organizationId) => booksOf(stage, organizationId),
    findings: () => db.select().from(paymentFindings).orderBy(paymentFindings.id),
    stop: async () => {
      stripe.stop()
      await stage.stop()
    },
  }
}

async function booksOf({ db }: Stage, organizationId: string): Promise<Books> {
  const [organization] = await db.select().from(organizations).where(eq(organizations.id, organizationId))
  const entries = await db.select().from(ledgerEntries).where(eq(ledgerEntries.organizationId, organizationId)).orderBy(ledgerEntries.id)
  const events = await db.select().from(customerEvents).where(eq(customerEvents.organizationId, organizationId)).orderBy(customerEvents.id)
  return {
    balanceNanos: organization?.balanceNanos ?? Number.NaN,
    entries: Object.fromEntries(entries.map(({ eventId, amountNanos }) => [eventId, amountNanos])),
    events: events.map(({ type }) => type),
  }
}

/** A top-up that was asked for, and what Stripe says of it once it is paid; nothing of it is settled. */
export interface Asked {
  organizationId: string
  topUpId: string
  sessionId: string
  intentId: string
  chargeId: string
}

export async function ask(
  { stage: { db, organization }, stripe }: Till,
  given: {
    cents?: number
    taxCents?: number
    kind?: 'checkout' | 'automatic'
    session?: object
    intent?: object
    organizationId?: string
  } = {},
): Promise<Asked> {
  const { cents = 1_000, taxCents = 0, kind = 'checkout' } = given
  const organizationId = given.organizationId ?? (await organization([]))
  const topUpId = newId('top')
  const name = topUpId.slice(4)
  const [customer, sessionId, intentId, chargeId] = [`cus_${organizationId}`, `cs_${name}`, `pi_${name}`, `ch_${name}`]
  await db.insert(billingAccounts).values({ organizationId, stripeCustomerId: customer, livemode: false }).onConflictDoNothing()
  const row = { id: topUpId, organizationId, kind, amountNanos: cents * nanosPerCent, livemode: false }
  await db.insert(topUps).values({ ...row, ...(kind === 'checkout' && { checkoutSessionId: sessionId }) })
  const common = { created: nowSeconds(), livemode: false, currency: 'usd', customer, metadata: { topUpId } }
  const charge = { id: chargeId, object: 'charge', receipt_url: `https://pay.stripe.test/${chargeId}` }
  const paid = { amount: cents + taxCents, amount_received: cents + taxCents, latest_charge: charge, status: 'succeeded' }
  const intent: StripeObject = {
    id: intentId,
    object: 'payment_intent',
    ...common,
    ...paid,
    payment_method: null,
    setup_future_usage: null,
    ...given.intent,
  }
  stripe.put('payment_intents', intent)
  if (kind === 'checkout') {
    const totals = { amount_subtotal: cents, amount_total: cents + taxCents, total_details: { amount_tax: taxCents } }
    const done = { mode: 'payment', status: 'complete', payment_status: 'paid', payment_intent: intent, invoice: null, setup_intent: null }
    stripe.put('checkout/sessions', { id: sessionId, object: 'checkout.session', ...common, ...totals, ...done, ...given.session })
  }
  return { organizationId, topUpId, sessionId, intentId, chargeId }
}

/** Puts a refund or dispute of a top-up to Stripe; answers its id. */
export function giveBack(
  { stripe }: Till,
  { intentId, chargeId }: Asked,
  given: { id?: string; cents: number; status: string; kind?: 'refunds' | 'disputes'; currency?: string; created?: number },
): string {
  const { kind = 'refunds', cents, status, currency = 'usd', created = nowSeconds() } = given
  const id = given.id ?? `${kind === 'refunds' ? 're' : 'dp'}_${newId('req').slice(4)}`
  const object: StripeObject = { id, created, amount: cents, currency, status, payment_intent: intentId, charge: chargeId }
  stripe.put(kind, kind === 'disputes' ? { ...object, livemode: false } : object)
  return id
}

export interface SentEvent {
  id: string
  type: string
  objectId: string
  livemode?: boolean
}

let sent = 0

export function eventOf(type: string, objectId: string): SentEvent {
  sent += 1
  return { id: `evt_${sent}x`, type, objectId }
}

/** Sends an event as Stripe does; `more` forges it. */
export async function send(
  { stage }: Till,
  { id, type, objectId, livemode = false }: SentEvent,
  more: { secret?: string; timestamp?: number; signature?: string | null; body?: string } = {},
): Promise<Answer> {
  const { secret = webhookSecret, timestamp = nowSeconds() } = more
  const payload = JSON.stringify({ id, object: 'event', type, created: nowSeconds(), livemode, data: { object: { id: objectId } } })
  const signed = `t=${timestamp},v1=${createHmac('sha256', secret).update(`${timestamp}.${payload}`).digest('hex')}`
  const signature = more.signature === undefined ? signed : more.signature
  const headers = { 'content-type': 'application/json; charset=utf-8', ...(signature !== null && { 'stripe-signature': signature }) }
  return stage.call('POST', '/api/stripe/events', { body: more.body ?? payload, headers })
}

/** Brings what lies in the queue, in batches at once; answers what came of it. What is to be tried again is put back. */
export async function drain({ stage }: Till, batchSize = 20): Promise<SettledEvents> {
  const total: SettledEvents = { applied: 0, unchanged: 0, set_aside: 0, failed: 0 }
  const batches: unknown[][] = []
  while (stage.payments.length > 0) batches.push(stage.payments.splice(0, batchSize))
  const summaries = await Promise.all(batches.map((bodies) => consumePayments(stage.surroundings, bodies.map(messageOf))))
  for (const { event: _, ...counts } of summaries) {
    for (const [fate, count] of Object.entries(counts)) total[fate as keyof SettledEvents] += count // The summary has these counts alone.
  }
  return total
}

function messageOf(body: unknown, index: number) {
  return { id: `message-${index}`, body, attempts: 1, ack: () => undefined, retry: () => undefined }
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000)
}

/** Makes everything that waits due. */
export async function makeDue({ stage: { db } }: Till): Promise<void> {
  await db.execute(sql`update stripe_events set due_at = now() - interval '1 second' where status = 'received'`)
}
