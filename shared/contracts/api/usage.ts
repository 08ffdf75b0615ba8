import { z } from 'zod'
import { KeyId } from '../customer-key.ts'
import { operation } from './operation.ts'
import { MemberId, ModelName } from './parameters.ts'
import { Moment } from './period.ts'

const root = '/api/organizations/:organizationId'

/** Longest period of a report, in days: it reads at most so many sums that it is answered at once. */
export const longestDays = { hour: 31, day: 366, month: 1_096, total: 1_096 } as const

/** Points of a series that one answer holds; the CSV holds any number. */
export const maxPoints = 10_000

export const Granularity = z.enum(['hour', 'day', 'month', 'total'])
export type Granularity = z.infer<typeof Granularity>

export const Grouping = z.enum(['none', 'model', 'key', 'member', 'kind'])
export type Grouping = z.infer<typeof Grouping>

/** Without `to` a period ends now; without `from` it has one day of hours, thirty days, or a year of months. */
export const UsageQuery = z.strictObject({
  from: Moment.optional(),
  to: Moment.optional(),
  granularity: Granularity.default('day'),
  groupBy: Grouping.default('none'),
  model: ModelName.optional(),
  keyId: KeyId.optional(),
  memberId: MemberId.optional(),
})
export type UsageQuery = z.output<typeof UsageQuery>

const Sum = z.int()

/** Buckets of tokens never overlap, but that `reasoningTokens` are some of `outputTokens`. */
export const UsageSums = z.object({
  requests: Sum,
  inputTokens: Sum,
  cacheReadTokens: Sum,
  cacheWrite5mTokens: Sum,
  cacheWrite1hTokens: Sum,
  outputTokens: Sum,
  reasoningTokens: Sum,
  costNanos: Sum,
})
export type UsageSums = z.infer<typeof UsageSums>

/** `id` is null for keys of which nobody noted who made them; `name` where there is none, or no longer. */
export const UsageGroup = z.object({ id: z.string().nullable(), name: z.string().nullable() })
export type UsageGroup = z.infer<typeof UsageGroup>

export const UsageReport = z.object({
  /** What is reported on: the whole hours or days of the period that was asked for. `to` is the first moment after it. */
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  granularity: Granularity,
  groupBy: Grouping,
  totals: UsageSums,
  /** In order of time and cost; hours, days and groups without a request are left out. */
  series: z.array(UsageSums.extend({ start: z.iso.datetime(), group: UsageGroup.nullable() })),
})
export type UsageReport = z.infer<typeof UsageReport>

const description = `Sums by the moment a request was settled, in UTC. \`from\` and \`to\` are days or instants and are widened to whole hours (\`hour\`) or days;
a day as \`to\` is part of the period. The longest period is ${longestDays.hour} days by hours, ${longestDays.day} by days, and ${longestDays.total} by months or in total.
A developer sees the keys they made; a viewer sees sums of the organization as a whole, and may neither group nor filter by key or member.`

export const usageOperations = {
  read: operation({
    id: 'usage.read',
    method: 'GET',
    path: `${root}/usage`,
    access: 'usage.read',
    summary: 'What was used, and what it cost',
    description: `${description}\n\nAn answer has at most ${maxPoints} points; the CSV has all of them.`,
    query: UsageQuery,
    answer: UsageReport,
  }),
  export: operation({
    id: 'usage.export',
    method: 'GET',
    path: `${root}/usage.csv`,
    access: 'usage.read',
    summary: 'What was used, as CSV',
    description: `${description}\n\nA text that a spreadsheet would take for a formula begins with an apostrophe.`,
    query: UsageQuery,
    media: 'text/csv',
  }),
}
