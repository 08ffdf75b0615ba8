import { z } from 'zod'
import { Usage } from '../pricing/usage.ts'
import { Nanos } from '../values/money.ts'
import { AttemptOutcome, RequestEnd } from './usage-event.ts'

/** One attempt at an upstream, as its customer sees it: what it costs us and the upstream's own id of it are ours. */
export const AttemptStatus = z.object({
  outcome: AttemptOutcome,
  upstream: z.string(),
  routeId: z.string(),
  /** HTTP status of the upstream; null when it gave none. */
  status: z.int().nullable(),
  latencyMs: z.int(),
})
export type AttemptStatus = z.infer<typeof AttemptStatus>

/** The answer of `GET /v1/requests/{id}`: what became of a request. What is known only at its end is null while it runs. */
export const RequestStatus = z.object({
  object: z.literal('request'),
  id: z.string(),
  /** `settled` is charged and about to be recorded. */
  state: z.enum(['running', 'settled', 'recorded']),
  /** The model that was served; while it runs, the one that was asked for. */
  model: z.string(),
  /** The path of the endpoint. */
  endpoint: z.string(),
  status: z.int().nullable(),
  end: RequestEnd.nullable(),
  createdAt: z.iso.datetime(),
  latencyMs: z.int().nullable(),
  timeToFirstTokenMs: z.int().nullable(),
  /** A bucket that the upstream did not report is absent. */
  usage: Usage.nullable(),
  /** What was charged, in nano-dollars and as exact decimal dollars. */
  cost: z.object({ nanos: Nanos, usd: z.string() }).nullable(),
  /** The cost rests on what passed through, not on what the upstream reported. */
  estimated: z.boolean(),
  /** The usage cost more than was held for it, and was charged only so far. */
  capped: z.boolean(),
  route: z.object({ id: z.string(), upstream: z.string() }).nullable(),
  /** Whether a provider credential of the customer's own served it, and which one. */
  byok: z.boolean().nullable(),
  credentialId: z.string().nullable(),
  attempts: z.array(AttemptStatus),
})
export type RequestStatus = z.infer<typeof RequestStatus>
