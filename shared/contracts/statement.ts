import { z } from 'zod'
import { Price } from '../pricing/cost.ts'
import { SignedNanos } from '../values/money.ts'
import { LedgerEntryKind } from './api/billing.ts'
import { Month } from './api/parameters.ts'
import { BilledRequest } from './receipt.ts'

/** `typ` in the header of the seal, a statement's last line. */
export const statementType = 'statement+jws'

/** First line of a statement. */
export const StatementHead = z.object({
  type: z.literal('statement'),
  version: z.literal(1),
  organizationId: z.string(),
  month: Month,
  /** The UTC month: `from` is part of it, `to` is not. */
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  /** Whether nothing can be booked in this month any more. Until then the statement tells what was booked when it was made. */
  finished: z.boolean(),
  generatedAt: z.iso.datetime(),
  currency: z.literal('USD'),
  openingNanos: SignedNanos,
  /** Where the public keys are published, and how the last line is signed. */
  jwks: z.url(),
  algorithm: z.literal('EdDSA'),
})

/** A price, told before the first line that is charged by it. */
export const StatementPrice = z.object({ type: z.literal('price'), priceVersionId: z.string(), price: Price })

/** Why money was moved. `operator`: by hand. */
export const EntryCause = z.enum([
  'request',
  'topup',
  'refund',
  'refund_failed',
  'dispute',
  'dispute_won',
  'promotion',
  'promotion_expired',
  'operator',
])
export type EntryCause = z.infer<typeof EntryCause>

/** One movement of the balance. */
export const StatementEntry = z.object({
  type: z.literal('entry'),
  entryId: z.int(),
  at: z.iso.datetime(),
  kind: LedgerEntryKind,
  cause: EntryCause,
  /** Id of the cause; null where an operator is. */
  reference: z.string().nullable(),
  amountNanos: SignedNanos,
  /** What was charged. Absent from a settlement that an adjustment has corrected: the adjustment has it. */
  request: BilledRequest.optional(),
  /** Of a settlement: that an adjustment has corrected it, in this month or a later one. */
  adjusted: z.literal(true).optional(),
  /** Of an adjustment: what its settlement moved; null when that is not booked yet. Both together are minus the cost. */
  settledNanos: SignedNanos.nullable().optional(),
})
export type StatementEntry = z.infer<typeof StatementEntry>

export type StatementLine = z.infer<typeof StatementHead> | z.infer<typeof StatementPrice> | StatementEntry

/** What the last line, a compact JWS, signs. */
export const StatementSeal = z.object({
  iss: z.string(),
  sub: z.string(),
  iat: z.int(),
  version: z.literal(1),
  month: Month,
  finished: z.boolean(),
  /** Lines before this one, and the SHA-256 of all their bytes in hex. */
  lines: z.int(),
  sha256: z.string(),
  openingNanos: SignedNanos,
  /** Sum of all positive amounts, and of all negative ones: opening + credits + debits = closing. */
  creditsNanos: z.int(),
  debitsNanos: z.int(),
  closingNanos: SignedNanos,
})
export type StatementSeal = z.infer<typeof StatementSeal>

/** A month of which there is a statement, because something was booked in it. */
export const StatementMonth = z.object({ month: Month, finished: z.boolean() })
