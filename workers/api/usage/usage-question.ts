import type { Db } from '#db/client.ts'
import type { UsageQuestion } from '#db/queries/usage/read-usage.ts'
import { beginningOf, endOf, type Period, widened } from '#shared/contracts/api/period.ts'
import { longestDays, type UsageQuery } from '#shared/contracts/api/usage.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Scope } from '../caller/caller.ts'
import { keysInSight } from './keys-in-sight.ts'

const dayMs = 86_400_000

/** How far back a period goes that says only where it ends, in days. */
const usualDays = { hour: 1, day: 30, month: 365, total: 30 } as const

/** What the database is asked for a report. Throws 400 for a period that is none or too long, 403 for what is not for the caller. */
export async function usageQuestion(db: Db, scope: Scope, query: UsageQuery, nowMs: number): Promise<Omit<UsageQuestion, 'limit'>> {
  const { granularity, groupBy, model = null } = query
  if (scope.grant === 'redacted' && groupBy !== 'none')
    throw new Problem('access_denied', `The role ${scope.role} sees sums of the organization as a whole only (groupBy none).`)
  const period = usagePeriod(query, nowMs)
  const keyIds = await keysInSight(db, scope, query)
  return { organizationId: scope.organizationId, ...period, granularity, groupBy, keyIds, model }
}

function usagePeriod({ from, to, granularity }: UsageQuery, nowMs: number): Period {
  const toMs = to === undefined ? nowMs : endOf(to)
  const fromMs = from === undefined ? toMs - usualDays[granularity] * dayMs : beginningOf(from)
  if (fromMs >= toMs) throw refused('from', 'must lie before the end of the period')
  const period = widened({ fromMs, toMs }, granularity === 'hour' ? 'hour' : 'day')
  const longest = longestDays[granularity]
  // An hour or a day more, that the widening may have added, is not the caller's doing.
  if (toMs - fromMs > longest * dayMs)
    throw refused('from', `must lie at most ${longest} days before the end with granularity ${granularity}`)
  return period
}

function refused(parameter: string, detail: string): Problem {
  return new Problem('invalid_request', `${parameter}: ${detail}`, [{ parameter, detail }])
}
