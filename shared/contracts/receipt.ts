import { z } from 'zod'
import { Price } from '../pricing/cost.ts'
import { Usage } from '../pricing/usage.ts'
import { Nanos, SignedNanos } from '../values/money.ts'
import { LedgerEntryKind } from './api/billing.ts'
import { UpstreamKind } from './dialect.ts'

/** `typ` in the header of a receipt, so that a statement never passes for one. */
export const receiptType = 'receipt+jws'

/** What a request is charged for. A bucket that was not reported is absent from `usage`; one that was reported as zero is zero. */
export const BilledRequest = z.object({
  /** The model that was served. */
  model: z.string(),
  usage: Usage,
  priceVersionId: z.string(),
  costNanos: Nanos,
  /** The usage is an estimate from what passed through. */
  estimated: z.boolean(),
  /** It would have cost more, and was cut to what was held for it. */
  capped: z.boolean(),
})
export type BilledRequest = z.infer<typeof BilledRequest>

/** By whose account a request was served: one of the platform's, the customer's own at its provider, or nobody's because it never got so far. */
export const RouteKind = z.enum(['platform', 'own_key', 'none'])

/** What a receipt says: the billing record of a request as it is when the receipt is issued, and every entry of the ledger about it. */
export const Receipt = z.object({
  /** Origin of the platform, the organization, and when the receipt was issued, in seconds since 1970. */
  iss: z.string(),
  sub: z.string(),
  iat: z.int(),
  version: z.literal(1),
  requestId: z.string(),
  startedAt: z.iso.datetime(),
  settledAt: z.iso.datetime(),
  route: z.object({ kind: RouteKind, upstream: z.string().nullable(), upstreamKind: UpstreamKind.nullable() }),
  ...BilledRequest.shape,
  /** What `priceVersionId` stands for, which never changes; null when it is not on record. */
  price: Price.nullable(),
  currency: z.literal('USD'),
  /** The settlement, and the adjustment where it corrected an estimate; together they are minus `costNanos`. */
  entries: z.array(z.object({ entryId: z.int(), at: z.iso.datetime(), kind: LedgerEntryKind, amountNanos: SignedNanos })),
})
export type Receipt = z.infer<typeof Receipt>

/** A public key of ours as a JWKS lists it (RFC 7517, RFC 8037). */
export const PublicKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string(),
  alg: z.literal('EdDSA'),
  use: z.literal('sig'),
})
export type PublicKey = z.infer<typeof PublicKey>
