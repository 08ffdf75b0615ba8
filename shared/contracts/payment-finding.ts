import { z } from 'zod'

/** What about a payment was not as it should be; nothing of it was credited or debited. */
export const PaymentFinding = z.object({
  id: z.int(),
  /** Id at Stripe of what it is about. */
  objectId: z.string(),
  reason: z.string(),
  organizationId: z.string().nullable(),
  /** What was expected and what was found. */
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  foundAt: z.iso.datetime(),
  resolvedAt: z.iso.datetime().nullable(),
  resolvedBy: z.string().nullable(),
  resolution: z.string().nullable(),
})
export type PaymentFinding = z.infer<typeof PaymentFinding>

/** One page, newest first; `next` is the `before` of the next page, null on the last one. */
export const PaymentFindingList = z.object({ findings: z.array(PaymentFinding), next: z.int().nullable() })
export type PaymentFindingList = z.infer<typeof PaymentFindingList>

/** Asks for findings that nobody has decided about, or for all of them. */
export const FindingQuery = z.strictObject({
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  all: z.enum(['true', 'false']).default('false'),
})

/** What was decided: afterwards the platform never settles that object by itself. */
export const FindingResolution = z.strictObject({
  note: z
    .string()
    .trim()
    .min(1)
    .max(1_000)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must be one line of text'),
})

/** An event of Stripe's, as far as it is stored. */
export const StripeEventView = z.object({
  id: z.string(),
  type: z.string(),
  objectId: z.string(),
  livemode: z.boolean(),
  status: z.enum(['received', 'processed', 'ignored', 'set_aside']),
  attempts: z.int(),
  createdAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
})
export type StripeEventView = z.infer<typeof StripeEventView>

/** One page, newest first; `next` is the `cursor` of the next page, null on the last one. */
export const StripeEventList = z.object({ events: z.array(StripeEventView), next: z.string().nullable() })
export type StripeEventList = z.infer<typeof StripeEventList>

export const StripeEventQuery = z.strictObject({
  status: StripeEventView.shape.status.optional(),
  cursor: z.string().max(500).optional(),
})
