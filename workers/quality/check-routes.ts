import { type ListedRoute, listRoutes } from '#db/queries/list-routes.ts'
import { type RouteHealthRow, saveRouteHealth } from '#db/queries/save-route-health.ts'
import { nudgeWebhooks } from '#workers/services/events/nudge-webhooks.ts'
import type { FaultKind } from './ask.ts'
import type { Platform } from './env.ts'
import { inParallel } from './in-parallel.ts'
import { type Finding, judgeRoute } from './judge-route.ts'
import { cataloguesAtOnce, probeAgainMs, probesAtOnce, probesPerRun } from './limits.ts'
import { canProbe, probe } from './probe.ts'
import { readModels } from './read-models.ts'

/** One line of log: counts, names and time. */
export interface CheckSummary {
  event: 'routes_checked'
  upstreams: number
  routes: number
  probed: number
  down: number
  faults: Partial<Record<FaultKind, number>>
  /** Routes that are in another state than before. */
  changes: Pick<RouteHealthRow, 'routeId' | 'state' | 'reason'>[]
  /** Upstreams that refuse our key or have no credential that works. */
  refusedCredentials: string[]
  durationMs: number
}

interface Check {
  route: ListedRoute
  finding: Finding
}

/**
 * Checks every route that leads through a CLIProxyAPI: one look at each upstream's catalogue, then a probe of one token for the routes whose turn it
 * is. Customers hear of routes that go down or come back. Its `/healthz` says nothing of its credentials and is never asked. Throws when Postgres cannot be asked; nothing is changed then.
 */
export async function checkRoutes({ db, credentials, webhooks }: Platform, nowMs: number = Date.now()): Promise<CheckSummary> {
  const startedMs = performance.now()
  const keyOf = ({ credential }: ListedRoute) => credentials.get(credential)
  const routes = (await listRoutes(db)).filter(({ kind }) => kind === 'cliproxyapi')
  const byUpstream = [...Map.groupBy(routes, ({ upstream }) => upstream).values()]
  const listed = await inParallel(byUpstream, cataloguesAtOnce, (some) => lookUp(some, keyOf))
  const checks = listed.flatMap(([, some]) => some)
  const probed = new Map(await inParallel(pickDue(checks, nowMs), probesAtOnce, (route) => probe(route, keyOf(route))))
  for (const check of checks) {
    const fault = probed.get(check.route)
    if (fault !== undefined) check.finding = fault ? { ...fault, step: 'probe' } : 'answered'
  }
  const rows = checks.map(({ route, finding }) => rowOf(route, finding, nowMs, probed.has(route)))
  await nudgeWebhooks(webhooks, await saveRouteHealth(db, rows))
  const durationMs = Math.round(performance.now() - startedMs)
  return { ...summarize(checks, rows), upstreams: byUpstream.length, probed: probed.size, durationMs }
}

/** Looks for the routes of one upstream in its catalogue. */
async function lookUp(routes: ListedRoute[], keyOf: (route: ListedRoute) => string | undefined): Promise<Check[]> {
  const [first] = routes
  if (!first) return []
  const { answer, fault } = await readModels(first.baseUrl, keyOf(first))
  return routes.map((route) => {
    if (fault) return { route, finding: { ...fault, step: 'catalogue' } }
    if (!answer.has(route.upstreamModel)) return { route, finding: { kind: 'missing', status: null, step: 'catalogue' } }
    return { route, finding: canProbe(route) ? 'listed' : 'answered' }
  })
}

/** The routes to probe now, those first that have waited longest. A probe costs money, so a route that is well waits for its turn. */
function pickDue(checks: Check[], nowMs: number): ListedRoute[] {
  const isDue = ({ failures, probedAtMs }: ListedRoute) => failures > 0 || probedAtMs === null || nowMs - probedAtMs >= probeAgainMs
  return checks
    .filter(({ route, finding }) => finding === 'listed' && isDue(route))
    .map(({ route }) => route)
    .toSorted((one, other) => (one.probedAtMs ?? 0) - (other.probedAtMs ?? 0))
    .slice(0, probesPerRun)
}

function rowOf(route: ListedRoute, finding: Finding, nowMs: number, isProbed: boolean): RouteHealthRow {
  const { routeId, state, failures, reason, probedAtMs } = route
  const known = { state: state ?? 'up', failures, reason: reason ?? 'It is in the catalogue and was not asked yet.' }
  return { routeId, ...judgeRoute(known, finding), checkedAtMs: nowMs, probedAtMs: isProbed ? nowMs : probedAtMs }
}

function summarize(checks: Check[], rows: RouteHealthRow[]): Omit<CheckSummary, 'upstreams' | 'probed' | 'durationMs'> {
  const faults: CheckSummary['faults'] = {}
  const refused = new Set<string>()
  for (const { route, finding } of checks) {
    if (typeof finding === 'string') continue
    faults[finding.kind] = (faults[finding.kind] ?? 0) + 1
    if (finding.kind === 'credentials') refused.add(route.upstream)
  }
  const states = new Map(checks.map(({ route }) => [route.routeId, route.state ?? 'up']))
  const changes = rows
    .filter(({ routeId, state }) => states.get(routeId) !== state)
    .map(({ routeId, state, reason }) => ({ routeId, state, reason }))
  const down = rows.filter(({ state }) => state === 'down').length
  return { event: 'routes_checked', routes: rows.length, down, faults, changes, refusedCredentials: [...refused] }
}
