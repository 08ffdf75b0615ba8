import type { UsagePeriod } from '#shared/contracts/usage-report.ts'
import { Problem } from '#workers/edge/problem.ts'
import { usageDefaultDays, usageMaxDays } from './limits.ts'

const dayMs = 86_400_000

/** Fills in what was left open: until today, and as many days as a report has by default. Throws a Problem for a period it refuses. */
export function resolvePeriod(wanted: UsagePeriod, nowMs: number): { from: string; to: string } {
  const to = wanted.to ?? dayOf(nowMs)
  const from = wanted.from ?? dayOf(Date.parse(to) - (usageDefaultDays - 1) * dayMs)
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1
  if (days < 1)
    throw new Problem('invalid_request', 'The period ends before it begins.', [{ parameter: 'from', detail: 'is later than `to`' }])
  if (days > usageMaxDays) {
    throw new Problem('invalid_request', `A report covers at most ${usageMaxDays} days.`, [{ parameter: 'from', detail: 'is too early' }])
  }
  return { from, to }
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}
