import { z } from 'zod'
import { SignedNanos } from '../values/money.ts'

/** Names one credit for all time. It becomes part of the ledger entry's unique event id, so that a repeated request lands once. */
export const IdempotencyKey = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'may have 1 to 128 letters, digits, dots, colons, dashes and underscores')

/** Money given (or, when negative, taken) by hand. The reason is kept with the ledger entry for the auditor. */
export const NewCredit = z.strictObject({
  amountNanos: SignedNanos.refine((amountNanos) => amountNanos !== 0, 'must not be zero'),
  reason: z
    .string()
    .trim()
    .min(3)
    .max(500)
    .regex(/^[^\p{Cc}]*$/u, 'contains control characters'),
  idempotencyKey: IdempotencyKey,
})
export type NewCredit = z.infer<typeof NewCredit>

/** `replayed` means that the same credit had already been posted earlier, and nothing was posted now. */
export const CreditAnswer = z.object({
  organizationId: z.string(),
  amountNanos: SignedNanos,
  balanceNanos: SignedNanos,
  replayed: z.boolean(),
  pushed: z.boolean(),
})
export type CreditAnswer = z.infer<typeof CreditAnswer>
