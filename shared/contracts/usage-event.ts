import { z } from 'zod'
import { Usage } from '../pricing/usage.ts'
import { Nanos, SignedNanos } from '../values/money.ts'

/** What is known of a request when it is admitted. Metadata only: never a prompt, an answer or a secret. */
export const RequestFacts = z.object({
  requestId: z.string(),
  keyId: z.string(),
  model: z.string(),
  priceVersionId: z.string(),
  method: z.string().max(16),
  path: z.string().max(256),
  clientIp: z.string().max(64),
  userAgent: z.string().max(256),
  startedAtMs: z.int().min(0),
})
export type RequestFacts = z.infer<typeof RequestFacts>

/** How a request ended. `expired` is the ledger's own word for a request whose Worker was never heard of again. */
export const RequestEnd = z.enum(['completed', 'client_left', 'upstream_error', 'broken', 'expired'])
export type RequestEnd = z.infer<typeof RequestEnd>

/** How an attempt at an upstream went. `answered` is a success as far as its answer had begun. */
export const AttemptOutcome = z.enum([
  'answered',
  'rate_limited',
  'overloaded',
  'refused',
  'unauthorized',
  'unreachable',
  'timeout',
  'failed',
  /** Accepted with 200, and an error or nothing before any output. */
  'failed_first',
])
export type AttemptOutcome = z.infer<typeof AttemptOutcome>

/**
 * One attempt to have a request served. `costNanos` is what the upstream charges for it, as far as that is known: us, or the customer whose own
 * provider credential was used.
 */
export const Attempt = z.object({
  routeId: z.string(),
  upstream: z.string(),
  credentialId: z.string().optional(),
  outcome: AttemptOutcome,
  /** HTTP status of the upstream; null when it gave none. */
  status: z.int().nullable(),
  latencyMs: z.int().min(0),
  costNanos: Nanos.nullable(),
  /** The upstream's own id of it, where its kind has one worth keeping. */
  trace: z.string().max(128).optional(),
})
export type Attempt = z.infer<typeof Attempt>

/** What is known of a request when it has ended. */
export const Settlement = z.object({
  costNanos: Nanos,
  usage: Usage,
  /** The cost rests on what passed through, not on what the upstream reported. */
  estimated: z.boolean(),
  /** The reported usage cost more than the hold and was cut to it. */
  capped: z.boolean(),
  end: RequestEnd,
  /** HTTP status the client got; null when nobody lived to see it. */
  status: z.int().nullable(),
  routeId: z.string().nullable(),
  upstream: z.string().nullable(),
  /** The customer's own provider credential that served it, where it was not one of ours. */
  credentialId: z.string().optional(),
  latencyMs: z.int().min(0),
  timeToFirstTokenMs: z.int().min(0).nullable(),
  /** What was served and charged, where that is not what was admitted: another model of the client's list, or a route with a price of its own. */
  served: z.object({ model: z.string(), priceVersionId: z.string() }).optional(),
  /** Every attempt in its order; absent when there was but one, which simply answered and was ours. Nearly every request has no more to tell. */
  attempts: z.array(Attempt).max(16).optional(),
  /** What that one attempt cost us, as far as that is known. */
  upstreamCostNanos: Nanos.optional(),
})
export type Settlement = z.infer<typeof Settlement>

/**
 * One movement of a customer's balance by use. A `settlement` debits `costNanos`; an `adjustment` corrects an earlier settlement of the same
 * request: its `settlement` is the whole truth, and `amountNanos` the difference still to be posted.
 */
export const UsageEvent = z.object({
  kind: z.enum(['settlement', 'adjustment']),
  /** Posted to the ledger: negative for a debit. For a settlement always minus its cost. */
  amountNanos: SignedNanos,
  settledAtMs: z.int().min(0),
  request: RequestFacts,
  settlement: Settlement,
})
export type UsageEvent = z.infer<typeof UsageEvent>

/** One message of the queue `usage`: events of one customer, packed. */
export const UsageBatch = z.object({ organizationId: z.string(), events: z.array(UsageEvent).min(1) })
export type UsageBatch = z.infer<typeof UsageBatch>

/** The unique key that makes an event land once in Postgres, however often it is delivered. */
export function eventIdOf({ kind, request }: Pick<UsageEvent, 'kind'> & { request: Pick<RequestFacts, 'requestId'> }): string {
  return `${request.requestId}:${kind}`
}
