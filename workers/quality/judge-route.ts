import type { RouteHealthRow } from '#db/queries/save-route-health.ts'
import type { Fault, FaultKind } from './ask.ts'
import { failuresUntilDown } from './limits.ts'

/** What a check found: nothing wrong by asking the model itself, nothing wrong as far as the catalogue goes, or a fault. */
export type Finding = 'answered' | 'listed' | (Fault & { step: 'catalogue' | 'probe' })

type Verdict = Pick<RouteHealthRow, 'state' | 'failures' | 'reason'>

/**
 * What a finding makes of a route. What does not pass by itself brings it down at once, what may pass when it was found twice in a row; one answer
 * brings it up. A route that cools is left as it is, since the proxy waits for it by itself.
 */
export function judgeRoute(known: Verdict, finding: Finding): Verdict {
  if (finding === 'answered') return { state: 'up', failures: 0, reason: 'It answers.' }
  if (finding === 'listed') return known
  const reason = reasonOf(finding)
  if (finding.kind === 'cooling') return { ...known, reason }
  const failures = known.failures + 1
  return { state: lasting.has(finding.kind) || failures >= failuresUntilDown ? 'down' : known.state, failures, reason }
}

const lasting: ReadonlySet<FaultKind> = new Set(['missing', 'credentials'])

function reasonOf({ kind, status, step }: Fault & { step: string }): string {
  return `${sentences[kind]} (${step}${status === null ? '' : `, status ${status}`})`
}

const sentences: Record<FaultKind, string> = {
  missing: 'It does not have the model.',
  credentials: 'It refuses our key or has no credential that works.',
  cooling: 'It asks us to wait.',
  overloaded: 'It is overloaded.',
  unreachable: 'It cannot be reached.',
  timeout: 'It does not answer in time.',
  failed: 'It answers with an error.',
  malformed: 'It answers in an unknown form.',
}
