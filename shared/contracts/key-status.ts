import { z } from 'zod'
import { SignedNanos } from '../values/money.ts'

/** What is left of one limit; `resetMs` is the time until all of it is there again. */
const LimitState = z.object({ limit: z.int(), remaining: z.int(), resetMs: z.int() })

/** What is left of a spend cap of the running UTC day or month, in nano-dollars and as exact decimal dollars. */
const SpendState = LimitState.extend({ limitUsd: z.string(), remainingUsd: z.string() })

/** The answer of `GET /v1/key`: a key's limits and the credit its customer has left. A limit that does not exist is null. */
export const KeyStatus = z.object({
  object: z.literal('key'),
  id: z.string(),
  organizationId: z.string(),
  credit: z.object({
    /** Credit less what runs (held) and what is spent but not posted yet (unconfirmed). */
    availableNanos: SignedNanos,
    availableUsd: z.string(),
    heldNanos: SignedNanos,
    unconfirmedNanos: SignedNanos,
  }),
  limits: z.object({
    requestsPerMinute: LimitState.nullable(),
    tokensPerMinute: LimitState.nullable(),
    requestsPerDay: LimitState.nullable(),
    concurrency: LimitState.nullable(),
    spendPerDay: SpendState.nullable(),
    spendPerMonth: SpendState.nullable(),
  }),
})
export type KeyStatus = z.infer<typeof KeyStatus>
