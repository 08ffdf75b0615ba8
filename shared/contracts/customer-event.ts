import { z } from 'zod'
import { Nanos, SignedNanos } from '../values/money.ts'

const Told = z.object({
  id: z.int(),
  /** The version of the account that changed. */
  version: z.int().min(0),
  createdAt: z.iso.datetime(),
})

/** A balance fell below a threshold: the one its customer chose (`balance.low`), or what is left for any request (`balance.exhausted`). */
const BalanceEvent = Told.extend({
  type: z.enum(['balance.low', 'balance.exhausted']),
  balanceNanos: SignedNanos,
  thresholdNanos: SignedNanos,
})

/** A provider has refused a customer's own key several times in a row, so that it is asked no more. */
const CredentialPaused = Told.extend({ type: z.literal('credential.paused'), credentialId: z.string() })

/** What a customer is told of its account. */
export const CustomerEvent = z.discriminatedUnion('type', [BalanceEvent, CredentialPaused])
export type CustomerEvent = z.infer<typeof CustomerEvent>

/** One page, newest first; `next` is the `before` of the next page, null on the last one. */
export const CustomerEventList = z.object({ events: z.array(CustomerEvent), next: z.int().nullable() })
export type CustomerEventList = z.infer<typeof CustomerEventList>

/** Asks for the page before an id. */
export const PageBefore = z.strictObject({ before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional() })

/** The balance below which `balance.low` is raised; null raises none. */
export const LowBalance = Nanos.nullable()
