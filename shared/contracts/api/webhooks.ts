import { z } from 'zod'
import { CustomerEvent } from '../events/customer-event.ts'
import { customerEventTypes } from '../events/types.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'
import { DeliveryId } from './parameters.ts'
import { Moment } from './period.ts'

const root = '/api/organizations/:organizationId/webhook-endpoints'
const one = `${root}/:endpointId` as const
const delivery = `${one}/deliveries/:deliveryId` as const

/** Deliveries that one replay of a time range makes at most. */
export const maxReplayed = 1_000

/** What an endpoint can ask for. A test event goes to the endpoint that is tested, whatever that has asked for. */
const WantedType = z.enum(customerEventTypes).exclude(['webhook.test'])

const hasNoTwins = (types: string[] | null) => types === null || new Set(types).size === types.length

const fields = {
  /** What else a URL must be is checked by `workers/services/targets`. */
  url: z.string().min(1).max(2_000),
  description: z
    .string()
    .trim()
    .max(200)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'contains control characters'),
  /** Null: every type, also those that do not exist yet. */
  eventTypes: z.array(WantedType).min(1).max(customerEventTypes.length).nullable().refine(hasNoTwins, 'names a type twice'),
}

export const NewWebhookEndpoint = z.strictObject({
  url: fields.url,
  description: fields.description.default(''),
  eventTypes: fields.eventTypes.default(null),
})
export type NewWebhookEndpoint = z.output<typeof NewWebhookEndpoint>

export const WebhookEndpointChange = z
  .strictObject({ ...fields, status: z.enum(['active', 'paused']) })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'names nothing to change')
export type WebhookEndpointChange = z.output<typeof WebhookEndpointChange>

/** An endpoint as it may be shown after its creation: never a secret. */
export const WebhookEndpoint = z.object({
  endpointId: z.string(),
  url: z.string(),
  description: z.string(),
  eventTypes: z.array(z.string()).nullable(),
  status: z.enum(['active', 'paused']),
  /** Who paused it: somebody, days of failures, or the endpoint itself by answering 410. */
  pausedBecause: z.enum(['asked', 'failing', 'gone']).nullable(),
  /** Since when every attempt has failed; null while the last one succeeded. */
  failingSince: z.iso.datetime().nullable(),
  /** Until when deliveries are signed by the secret before as well. */
  previousSecretUntil: z.iso.datetime().nullable(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
})
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>

/** The only answers that carry a secret: `whsec_` and base64 of 32 random bytes, as libraries for Standard Webhooks take it. */
export const WebhookEndpointWithSecret = WebhookEndpoint.extend({ secret: z.string() })
export type WebhookEndpointWithSecret = z.infer<typeof WebhookEndpointWithSecret>

export const WebhookSecretRotation = z.strictObject({
  /** For how many hours deliveries are signed by the old secret as well. With 0 it is gone at once. */
  overlapHours: z.int().min(0).max(72).default(24),
})

const DeliveryStatus = z.enum(['pending', 'delivered', 'failed'])

/** An event on its way to an endpoint. */
export const WebhookDelivery = z.object({
  deliveryId: z.string(),
  /** The header `webhook-id`: the same in every delivery of the event. */
  eventId: z.string(),
  eventType: z.enum(customerEventTypes),
  /** Zero for the first delivery of an event; each replay is one more. */
  replay: z.int(),
  status: DeliveryStatus,
  /** How often it was attempted. */
  attemptCount: z.int(),
  /** Null when it is done. */
  nextAttemptAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
})
export type WebhookDelivery = z.infer<typeof WebhookDelivery>

export const WebhookDeliveryDetail = WebhookDelivery.extend({
  /** The body that is sent. */
  payload: CustomerEvent,
  attempts: z.array(
    z.object({
      /** From one. */
      number: z.int(),
      at: z.iso.datetime(),
      durationMs: z.int(),
      outcome: z.enum(['delivered', 'refused', 'timeout', 'unreachable', 'target_refused', 'secret_unavailable']),
      /** HTTP status; null when there was none. */
      status: z.int().nullable(),
      /** The first bytes of the answer with whatever is not printable escaped, or what stood in the way. */
      answer: z.string().nullable(),
    }),
  ),
})
export type WebhookDeliveryDetail = z.infer<typeof WebhookDeliveryDetail>

export const WebhookDeliveryQuery = PageQuery.extend({
  status: DeliveryStatus.optional(),
  eventType: z.enum(customerEventTypes).optional(),
  from: Moment.optional(),
  to: Moment.optional(),
})
export type WebhookDeliveryQuery = z.output<typeof WebhookDeliveryQuery>

export const WebhookReplay = z.strictObject({
  from: Moment,
  to: Moment,
  /** `failed`: events that were given up; `all`: also those that were delivered. */
  status: z.enum(['failed', 'all']).default('failed'),
  /** The `next` of the answer before. */
  after: DeliveryId.optional(),
})
export type WebhookReplay = z.output<typeof WebhookReplay>

/** `next` asks for the rest as `after`; null when nothing is left. */
export const WebhookReplayAnswer = z.object({ replayed: z.int(), next: z.string().nullable() })
export type WebhookReplayAnswer = z.infer<typeof WebhookReplayAnswer>

export const webhookOperations = {
  list: operation({
    id: 'webhooks.list',
    method: 'GET',
    path: root,
    access: 'webhooks.manage',
    summary: 'Where an organization wants its events, in the order in which the endpoints were made',
    answer: z.object({ data: z.array(WebhookEndpoint) }),
  }),
  create: operation({
    id: 'webhooks.create',
    method: 'POST',
    path: root,
    access: 'webhooks.manage',
    summary: 'A new webhook endpoint, whose secret is shown once',
    description: `The URL is https on port 443 or 8443, of a public host that is named and not an address. What is sent, and how to verify it, is described under
\`webhooks\` of this document.`,
    body: NewWebhookEndpoint,
    answer: WebhookEndpointWithSecret,
    status: 201,
    idempotent: 'secret',
  }),
  read: operation({
    id: 'webhooks.read',
    method: 'GET',
    path: one,
    access: 'webhooks.manage',
    summary: 'A webhook endpoint',
    answer: WebhookEndpoint,
  }),
  change: operation({
    id: 'webhooks.change',
    method: 'PATCH',
    path: one,
    access: 'webhooks.manage',
    summary: 'Changes, pauses or activates a webhook endpoint; what is absent stays',
    description: 'Activating it, also while it is active, forgets since when it has been failing.',
    body: WebhookEndpointChange,
    answer: WebhookEndpoint,
  }),
  remove: operation({
    id: 'webhooks.delete',
    method: 'DELETE',
    path: one,
    access: 'webhooks.manage',
    summary: 'Forgets a webhook endpoint, its secrets and its deliveries',
  }),
  rotateSecret: operation({
    id: 'webhooks.rotateSecret',
    method: 'POST',
    path: `${one}/rotate-secret`,
    access: 'webhooks.rotate_secret',
    summary: 'Another secret for a webhook endpoint, which is shown once',
    description: `For the overlap each delivery has two signatures, of the new secret and of the one before; a secret before that is gone at once. A developer rotates
the secrets of endpoints that they have made.`,
    body: WebhookSecretRotation,
    answer: WebhookEndpointWithSecret,
    idempotent: 'secret',
  }),
  test: operation({
    id: 'webhooks.test',
    method: 'POST',
    path: `${one}/test`,
    access: 'webhooks.manage',
    summary: 'Sends a webhook endpoint an event of the type `webhook.test`',
    answer: z.object({ eventId: z.string() }),
    status: 202,
  }),
  replayRange: operation({
    id: 'webhooks.replay',
    method: 'POST',
    path: `${one}/replay`,
    access: 'webhooks.manage',
    summary: 'Delivers the events of a time once more',
    description: `Those whose first delivery was begun within the time, the oldest first, and at most ${maxReplayed} at once: ask again with \`next\` as \`after\` for the rest.
An event whose newest delivery is still pending is left out. The \`webhook-id\` of an event stays the same.`,
    body: WebhookReplay,
    answer: WebhookReplayAnswer,
    status: 202,
  }),
  listDeliveries: operation({
    id: 'webhooks.listDeliveries',
    method: 'GET',
    path: `${one}/deliveries`,
    access: 'webhooks.manage',
    summary: 'What was and will be delivered to a webhook endpoint, the newest first',
    query: WebhookDeliveryQuery,
    answer: pageOf(WebhookDelivery),
  }),
  readDelivery: operation({
    id: 'webhooks.readDelivery',
    method: 'GET',
    path: delivery,
    access: 'webhooks.manage',
    summary: 'A delivery with its payload, and what came of each attempt',
    answer: WebhookDeliveryDetail,
  }),
  replayDelivery: operation({
    id: 'webhooks.replayDelivery',
    method: 'POST',
    path: `${delivery}/replay`,
    access: 'webhooks.manage',
    summary: 'Delivers the event of a delivery once more',
    answer: WebhookDelivery,
    status: 202,
  }),
}
