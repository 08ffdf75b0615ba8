import { z } from 'zod'
import { Nanos, SignedNanos } from '../values/money.ts'

/** Limits of an organization or a key. An absent limit does not limit; zero refuses everything. */
export const Limits = z.object({
  requestsPerMinute: z.int().min(0).max(10_000_000).optional(),
  tokensPerMinute: z.int().min(0).max(100_000_000_000).optional(),
  requestsPerDay: z.int().min(0).max(10_000_000_000).optional(),
  concurrency: z.int().min(0).max(100_000).optional(),
  /** Spend caps in nano-dollars, of the UTC day and month in which a request was admitted. */
  spendPerDayNanos: Nanos.optional(),
  spendPerMonthNanos: Nanos.optional(),
})
export type Limits = z.infer<typeof Limits>

/** What admission must know of a key. Times are milliseconds since the epoch. */
export const KeyFacts = z.object({
  keyId: z.string(),
  limits: Limits,
  allowedModels: z.array(z.string()).nullable(),
  /** Addresses and networks it may be used from. Absent: from everywhere. */
  allowedIps: z.array(z.string()).optional(),
  expiresAtMs: z.number().nullable(),
})
export type KeyFacts = z.infer<typeof KeyFacts>

/**
 * A customer's account as one read of Postgres saw it. `version` is `organizations.balance_version`, which every change of a balance,
 * limit or key raises in its own transaction, so a larger version is always a later truth. `keys` holds every key that is not revoked.
 */
export const AccountSnapshot = z.object({
  organizationId: z.string(),
  status: z.enum(['active', 'suspended']),
  balanceNanos: SignedNanos,
  overdraftNanos: Nanos,
  version: z.int().min(0),
  limits: Limits,
  keys: z.array(KeyFacts),
  /** `organizations.credentials_version`; zero as long as there never was a provider credential. Absent: zero. */
  credentialsVersion: z.int().min(0).optional(),
})
export type AccountSnapshot = z.infer<typeof AccountSnapshot>
