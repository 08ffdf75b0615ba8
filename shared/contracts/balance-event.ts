import { z } from 'zod'
import { Nanos, SignedNanos } from '../values/money.ts'

/** A customer's balance fell below a threshold: the one it chose (`balance.low`), or what is left for any request (`balance.exhausted`). */
export const BalanceEvent = z.object({
  id: z.int(),
  type: z.enum(['balance.low', 'balance.exhausted']),
  balanceNanos: SignedNanos,
  thresholdNanos: SignedNanos,
  /** The version of the account whose movement it was. */
  version: z.int().min(0),
  createdAt: z.iso.datetime(),
})
export type BalanceEvent = z.infer<typeof BalanceEvent>

/** One page, newest first; `next` is the `before` of the next page, null on the last one. */
export const BalanceEventList = z.object({ events: z.array(BalanceEvent), next: z.int().nullable() })
export type BalanceEventList = z.infer<typeof BalanceEventList>

/** Asks for the page before an id. */
export const PageBefore = z.strictObject({ before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional() })

/** The balance below which `balance.low` is raised; null raises none. */
export const LowBalance = Nanos.nullable()
