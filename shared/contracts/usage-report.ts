import { z } from 'zod'
import { SignedNanos } from '../values/money.ts'

/** A calendar day in UTC. */
export const Day = z.iso.date()

/** Both days are included. Without them the report covers the last 30 days. */
export const UsagePeriod = z.strictObject({ from: Day.optional(), to: Day.optional() })
export type UsagePeriod = z.infer<typeof UsagePeriod>

const TokenSum = z.int().min(0)

/** What one key used of one model on one day. */
export const UsageRow = z.object({
  day: Day,
  keyId: z.string(),
  model: z.string(),
  requests: TokenSum,
  inputTokens: TokenSum,
  cacheReadTokens: TokenSum,
  cacheWrite5mTokens: TokenSum,
  cacheWrite1hTokens: TokenSum,
  outputTokens: TokenSum,
  reasoningTokens: TokenSum,
  costNanos: SignedNanos,
})
export type UsageRow = z.infer<typeof UsageRow>

export const UsageReport = z.object({ organizationId: z.string(), from: Day, to: Day, rows: z.array(UsageRow) })
export type UsageReport = z.infer<typeof UsageReport>
