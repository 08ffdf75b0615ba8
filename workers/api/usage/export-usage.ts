import type { Db } from '#db/client.ts'
import { readUsage, type UsageQuestion } from '#db/queries/usage/read-usage.ts'
import type { UsageQuery } from '#shared/contracts/api/usage.ts'
import type { Scope } from '../caller/caller.ts'
import { type Cell, csvAnswer } from './csv.ts'
import { usageQuestion } from './usage-question.ts'

const dayMs = 86_400_000

const sums = [
  'requests',
  'inputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'reasoningTokens',
  'costNanos',
] as const

/** The series of a report as CSV, of any length. */
export async function exportUsage(db: Db, scope: Scope, query: UsageQuery, nowMs: number): Promise<Response> {
  const question = await usageQuestion(db, scope, query, nowMs)
  const [from, last] = [question.fromMs, question.toMs - 1].map((ms) => new Date(ms).toISOString().slice(0, 10))
  const heads = ['start', ...(question.groupBy === 'none' ? [] : [question.groupBy, `${question.groupBy}Name`]), ...sums]
  return csvAnswer(`usage-${from}-${last}.csv`, heads, pagesOf(db, question))
}

/** A statement for each part of the period: at most 31 points of each group at once. */
async function* pagesOf(db: Db, question: Omit<UsageQuestion, 'limit'>): AsyncGenerator<Cell[][]> {
  let { fromMs } = question
  while (fromMs < question.toMs) {
    const toMs = Math.min(question.toMs, partEnd(fromMs, question.granularity))
    const points = await readUsage(db, { ...question, fromMs, toMs, limit: null })
    yield points.map((point) => [
      new Date(point.startMs).toISOString(),
      ...(question.groupBy === 'none' ? [] : [point.groupId, point.groupName]),
      ...sums.map((sum) => point[sum]),
    ])
    fromMs = toMs
  }
}

/** A point is never in two parts. */
function partEnd(fromMs: number, granularity: UsageQuestion['granularity']): number {
  if (granularity === 'hour') return fromMs + dayMs
  if (granularity === 'day') return fromMs + 31 * dayMs
  if (granularity === 'total') return Number.POSITIVE_INFINITY
  const from = new Date(fromMs)
  return Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1)
}
