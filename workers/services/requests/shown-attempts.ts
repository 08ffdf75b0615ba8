import type { AttemptStatus } from '#shared/contracts/request-status.ts'
import type { Settlement } from '#shared/contracts/usage-event.ts'

/** The attempts of a request, as its customer sees them. Of one that simply answered nothing is kept: it is told from the request itself. */
export function shownAttempts({ attempts = [], routeId, upstream, latencyMs }: Settlement): AttemptStatus[] {
  const isPlain = attempts.length === 0 || (attempts.length === 1 && attempts[0]?.outcome === 'answered')
  if (isPlain) return routeId === null || upstream === null ? [] : [{ outcome: 'answered', upstream, routeId, status: 200, latencyMs }]
  return attempts.map(({ outcome, upstream, routeId, status, latencyMs }) => ({ outcome, upstream, routeId, status, latencyMs }))
}
