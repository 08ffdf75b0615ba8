import { z } from 'zod'
import { Nanos, SignedNanos } from '../../values/money.ts'
import type { CustomerEventType } from './types.ts'

/** The version of the payloads below. A field may be added to one; any other change makes another version. */
export const eventVersion = 1

/** What each type of event tells. Money is in nano-dollars. */
export const eventData = {
  /** The balance fell below what the customer chose, or below what hardly any request fits. */
  'balance.low': z.object({ balanceNanos: SignedNanos, thresholdNanos: SignedNanos }),
  'balance.exhausted': z.object({ balanceNanos: SignedNanos, thresholdNanos: SignedNanos }),
  'topup.succeeded': z.object({
    topUpId: z.string(),
    kind: z.enum(['checkout', 'automatic']),
    amountNanos: Nanos,
    balanceNanos: SignedNanos,
  }),
  /** `retryAt` is null when it is not tried again. */
  'topup.failed': z.object({
    topUpId: z.string(),
    kind: z.enum(['checkout', 'automatic']),
    amountNanos: Nanos,
    reason: z.enum(['declined', 'authentication_required', 'expired', 'failed']),
    retryAt: z.iso.datetime().nullable(),
  }),
  /** Money of a top-up went back: by a refund, or because it is disputed. */
  'refund.created': z.object({
    topUpId: z.string(),
    cause: z.enum(['refund', 'dispute']),
    amountNanos: Nanos,
    balanceNanos: SignedNanos,
  }),
  'invoice.ready': z.object({ topUpId: z.string(), invoiceNumber: z.string(), amountNanos: Nanos }),
  /** `replaces` is the key whose place it takes by a rotation, and when that one ends; no other event tells of an end that is not at once. */
  'key.created': z.object({
    keyId: z.string(),
    name: z.string(),
    redactedKey: z.string(),
    createdBy: z.string(),
    replaces: z.object({ keyId: z.string(), endsAt: z.iso.datetime() }).nullable(),
  }),
  /** A key was revoked, or was rotated so that it ended at once. */
  'key.revoked': z.object({ keyId: z.string(), name: z.string(), redactedKey: z.string() }),
  /** A key has spent what it may in a UTC day or month; `period` is such as `2026-01-31` or `2026-01`. */
  'key.limit_reached': z.object({
    keyId: z.string(),
    name: z.string(),
    redactedKey: z.string(),
    period: z.string(),
    limitNanos: Nanos,
    spentNanos: Nanos,
  }),
  /** What was used in a UTC day, as it was known some time after its end. `inputTokens` are all that went in, cached ones too. */
  'usage.daily_summary': z.object({
    day: z.iso.date(),
    requests: z.int().min(0),
    inputTokens: z.int().min(0),
    outputTokens: z.int().min(0),
    costNanos: z.int(),
  }),
  /** Somebody accepted an invitation. */
  'member.added': z.object({ userId: z.string(), role: z.string() }),
  /** Somebody was removed, left, or deleted their account. */
  'member.removed': z.object({ userId: z.string() }),
  /** A provider has refused a customer's own key several times in a row, so that it is asked no more. */
  'byok.invalid': z.object({ credentialId: z.string() }),
  /** A route that serves a model which the customer has used of late went down or came back. */
  'route.quality_changed': z.object({ model: z.string(), upstream: z.string(), state: z.enum(['up', 'down']) }),
  /** Sent to one endpoint because somebody asked for it. */
  'webhook.test': z.object({ endpointId: z.string() }),
} as const satisfies Record<CustomerEventType, z.ZodObject>

export type EventData<Type extends CustomerEventType> = z.infer<(typeof eventData)[Type]>

/** An event as webhooks carry it, and as lists show it. */
function eventOf<const Type extends CustomerEventType>(type: Type) {
  return z.object({
    /** The same in every delivery. */
    id: z.string(),
    type: z.literal(type),
    version: z.literal(eventVersion),
    organizationId: z.string(),
    createdAt: z.iso.datetime(),
    data: eventData[type] as (typeof eventData)[Type],
  })
}

/** What a customer is told of its account. */
export const CustomerEvent = z.discriminatedUnion('type', [
  eventOf('balance.low'),
  eventOf('balance.exhausted'),
  eventOf('topup.succeeded'),
  eventOf('topup.failed'),
  eventOf('refund.created'),
  eventOf('invoice.ready'),
  eventOf('key.created'),
  eventOf('key.revoked'),
  eventOf('key.limit_reached'),
  eventOf('usage.daily_summary'),
  eventOf('member.added'),
  eventOf('member.removed'),
  eventOf('byok.invalid'),
  eventOf('route.quality_changed'),
  eventOf('webhook.test'),
])
export type CustomerEvent = z.infer<typeof CustomerEvent>

/** One page, newest first; `next` is the `before` of the next page, null on the last one. */
export const CustomerEventList = z.object({ events: z.array(CustomerEvent), next: z.int().nullable() })
export type CustomerEventList = z.infer<typeof CustomerEventList>
