import Stripe from 'stripe'
import { z } from 'zod'
import { insertFinding } from '#db/queries/payments/findings.ts'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { insertStripeEvent } from '#db/queries/payments/stripe-events.ts'
import { stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import { logFailure } from '#workers/edge/log.ts'
import { Problem } from '#workers/edge/problem.ts'
import { OpenedSecrets } from '#workers/services/secrets/opened-secrets.ts'
import type { Surroundings } from '../env.ts'
import { settlerOf } from './event-types.ts'
import { maxStripeEventBytes, signatureToleranceSeconds } from './limits.ts'

export type Receiving = Pick<Surroundings, 'db' | 'transact' | 'keyRing' | 'payments'>

const opened = new OpenedSecrets()
const cryptoProvider = Stripe.createSubtleCryptoProvider()

/** As much of an event as is kept. What it is about may have no id, as a balance has none. */
const StripeEvent = z.object({
  id: z.string().regex(/^evt_\w{1,250}$/),
  object: z.literal('event'),
  type: z.string().regex(/^[a-z0-9_.]{1,100}$/),
  created: z.int().min(0).max(100_000_000_000),
  livemode: z.boolean(),
  data: z.object({
    object: z.object({
      id: z
        .string()
        .regex(/^\w{0,250}$/)
        .default(''),
    }),
  }),
})
type StripeEvent = z.infer<typeof StripeEvent>

/**
 * Takes an event of Stripe's: verified, stored once by its id, and queued. Throws a `Problem` for what does not come from Stripe: 400; and for a platform that has
 * no signing secret: 503, so that Stripe sends it again.
 */
export async function receiveStripeEvent(receiving: Receiving, request: Request): Promise<void> {
  const { db, transact, payments, keyRing } = receiving
  const stored = await readStripeSettings(db)
  if (!stored?.webhookSecret) throw new Problem('payments_off', 'This platform has no signing secret of Stripe, and takes no events.')
  const body = await readBoundedBody(request, maxStripeEventBytes)
  if (!body) throw new Problem('body_too_large', `An event may have at most ${maxStripeEventBytes} bytes.`)
  const secret = await opened.open(keyRing, stripeWebhookPlace, stored.webhookSecret)
  const { id, type, livemode, created, data } = await verified(body, request.headers.get('stripe-signature'), secret)
  const isOfOtherMode = livemode !== stored.settings.livemode
  const status = isOfOtherMode ? 'set_aside' : settlerOf(type) ? 'received' : 'ignored'
  const event = { id, type, objectId: data.object.id, livemode, status, createdAt: new Date(created * 1_000) } as const
  if (isOfOtherMode) {
    const details = { stripeEventId: id, type, livemode: stored.settings.livemode, foundLivemode: livemode }
    const finding = { objectId: event.objectId || id, reason: 'wrong_mode', organizationId: null, details } as const
    return transact(async (tx) => {
      if (await insertStripeEvent(tx, event)) await insertFinding(tx, finding)
    })
  }
  const isNew = await insertStripeEvent(db, event)
  if (!isNew || status !== 'received') return
  // What the queue does not take is due, and the cron takes it.
  await payments.send({ stripeEventId: id }).catch((error: unknown) => logFailure('stripe_event_not_queued', error, { stripeEventId: id }))
}

/** The event that Stripe has signed. Nothing of a body that it has not signed is read. */
async function verified(body: Uint8Array, signature: string | null, secret: string): Promise<StripeEvent> {
  const refused = new Problem('invalid_request', 'The body has no current signature of Stripe.')
  let payload: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    payload = await Stripe.webhooks.constructEventAsync(text, signature ?? '', secret, signatureToleranceSeconds, cryptoProvider)
  } catch {
    throw refused
  }
  const event = StripeEvent.safeParse(payload)
  if (!event.success) throw new Problem('invalid_request', 'What Stripe has signed is no event.')
  return event.data
}
