import { z } from 'zod'
import { expireSession } from './checkout-sessions.ts'
import { finishDelayed } from './completion.ts'
import { closeDispute, openDispute } from './disputes.ts'
import type { Charge, PaymentIntent } from './objects.ts'
import type { Peer } from './peer.ts'
import { failRefund, refund } from './refunds.ts'
import { StripeRefusal } from './refusal.ts'
import { matchPath } from './route.ts'
import type { Store } from './store.ts'
import { noRequest, webhookModes } from './webhooks.ts'

/** What is done to a payment, which may be named by its payment intent, its charge or its checkout session. */
const OfPayment = z.strictObject({ payment: z.string(), amount: z.int().min(1).optional() })
const Times = z.int().min(1).max(1_000).default(1)
const Planned = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('decline'), declineCode: z.string().default('generic_decline'), times: Times }),
  z.strictObject({ outcome: z.enum(['authentication_required', 'answer_500', 'hang', 'cut']), times: Times }),
])

type Do = (peer: Peer, id: string, body: unknown) => object | Promise<object>

const operations: Record<string, Do> = {
  'GET /control/payments': ({ store }) => ({ payments: store.list('payment_intent').map((intent) => describePayment(store, intent)) }),
  'POST /control/payments/:id/finish': (peer, id, body) => {
    const { outcome } = z.strictObject({ outcome: z.enum(['succeed', 'fail']) }).parse(body)
    const intent = needPayment(peer.store, id)
    finishDelayed(peer, intent, outcome)
    return intent
  },
  'POST /control/refunds': (peer, _id, body) => {
    const { payment, amount = null } = OfPayment.parse(body)
    return refund(peer, chargeOf(peer.store, payment), { amount, reason: 'requested_by_customer', metadata: {} }, noRequest)
  },
  'POST /control/refunds/:id/fail': (peer, id) => {
    const failed = peer.store.need('refund', id)
    failRefund(peer, failed, noRequest)
    return failed
  },
  'POST /control/disputes': (peer, _id, body) => {
    const { payment, amount } = OfPayment.parse(body)
    const charge = chargeOf(peer.store, payment)
    return openDispute(peer, charge, amount ?? charge.amount)
  },
  'POST /control/disputes/:id/close': (peer, id, body) => {
    const dispute = peer.store.need('dispute', id)
    closeDispute(peer, dispute, z.strictObject({ outcome: z.enum(['won', 'lost']) }).parse(body).outcome)
    return dispute
  },
  'POST /control/customers/:id/next-charges': (peer, id, body) => {
    const { times, ...planned } = Planned.parse(body)
    const before = peer.nextCharges.get(peer.store.need('customer', id).id) ?? []
    const all = [...before, ...Array.from({ length: times }, () => planned)]
    peer.nextCharges.set(id, all)
    return { planned: all.length }
  },
  'POST /control/checkout-sessions/:id/expire': async (peer, id) => {
    const session = peer.store.need('checkout.session', id)
    await expireSession(peer, session, noRequest)
    return session
  },
  'PUT /control/webhooks': ({ webhooks }, _id, body) => {
    const { mode } = z.strictObject({ mode: z.enum(webhookModes) }).parse(body)
    webhooks.mode = mode
    return { mode }
  },
  'GET /control/events': ({ store, webhooks }) => ({
    events: store.list('event').map(({ id, type, created, data }) => {
      const objectId = 'id' in data.object ? data.object.id : null
      return { id, type, created, objectId, attempts: webhooks.attemptsOf(id) }
    }),
  }),
  'POST /control/events/:id/send': async ({ store, webhooks }, id, body) => {
    const { times } = z.strictObject({ times: Times }).parse(body ?? {})
    const event = store.need('event', id)
    return { attempts: await Promise.all(Array.from({ length: times }, () => webhooks.send(event))) }
  },
}

/** Serves tests on `/control/`: what happens at Stripe without a request of ours. README.md lists the paths. */
export async function answerControl(peer: Peer, method: string, path: string, body: string): Promise<Response> {
  for (const [operation, run] of Object.entries(operations)) {
    const [wanted, pattern = ''] = operation.split(' ')
    const ids = wanted === method ? matchPath(pattern, path) : null
    if (!ids) continue
    try {
      return Response.json(await run(peer, ids[0] ?? '', body === '' ? undefined : JSON.parse(body)))
    } catch (error) {
      if (!(error instanceof z.ZodError || error instanceof SyntaxError || error instanceof StripeRefusal)) throw error
      return Response.json({ error: error.message }, { status: error instanceof StripeRefusal ? error.status : 400 })
    }
  }
  return Response.json({ error: `No such operation: ${method} ${path}` }, { status: 404 })
}

function describePayment(store: Store, { id, customer, amount, currency, status, metadata, latest_charge: charge }: PaymentIntent): object {
  const session = store.list('checkout.session').find((each) => each.payment_intent === id)
  return { paymentIntent: id, charge, checkoutSession: session?.id ?? null, customer, amount, currency, status, metadata }
}

function needPayment(store: Store, id: string): PaymentIntent {
  const intentId = store.find('charge', id)?.payment_intent ?? store.find('checkout.session', id)?.payment_intent ?? id
  return store.need('payment_intent', intentId)
}

function chargeOf(store: Store, payment: string): Charge {
  return store.need('charge', needPayment(store, payment).latest_charge)
}
