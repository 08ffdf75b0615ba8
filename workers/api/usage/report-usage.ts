import type { Db } from '#db/client.ts'
import { readUsage, type UsagePoint } from '#db/queries/usage/read-usage.ts'
import { maxPoints, type UsageQuery, type UsageReport, type UsageSums } from '#shared/contracts/api/usage.ts'
import { assert } from '#shared/values/assert.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Scope } from '../caller/caller.ts'
import { usageQuestion } from './usage-question.ts'

/** What an organization used in a period, as far as the caller may see it. */
export async function reportUsage(db: Db, scope: Scope, query: UsageQuery, nowMs: number): Promise<UsageReport> {
  const question = await usageQuestion(db, scope, query, nowMs)
  const points = await readUsage(db, { ...question, limit: maxPoints + 1 })
  if (points.length > maxPoints)
    throw new Problem(
      'invalid_request',
      `The series has more than ${maxPoints} points. Ask for a shorter period or larger steps, or for the CSV.`,
    )
  const { fromMs, toMs, granularity, groupBy } = question
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    granularity,
    groupBy,
    totals: totalsOf(points),
    series: points.map(({ startMs, groupId, groupName, ...sums }) => ({
      start: new Date(startMs).toISOString(),
      group: groupBy === 'none' ? null : { id: groupId, name: groupName },
      ...sums,
    })),
  }
}

function totalsOf(points: UsagePoint[]): UsageSums {
  const total = (of: keyof UsageSums) => {
    const sum = points.reduce((before, point) => before + point[of], 0)
    assert(Number.isSafeInteger(sum), 'a sum of usage no longer fits a safe integer')
    return sum
  }
  return {
    requests: total('requests'),
    inputTokens: total('inputTokens'),
    cacheReadTokens: total('cacheReadTokens'),
    cacheWrite5mTokens: total('cacheWrite5mTokens'),
    cacheWrite1hTokens: total('cacheWrite1hTokens'),
    outputTokens: total('outputTokens'),
    reasoningTokens: total('reasoningTokens'),
    costNanos: total('costNanos'),
  }
}
