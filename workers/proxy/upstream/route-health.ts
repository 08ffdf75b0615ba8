import type { AttemptOutcome } from '#shared/contracts/usage-event.ts'
import { circuitOpenMs, circuitVolume, circuitWindowMs, measuredRoutes, coolMs as usualCoolMs } from '../limits.ts'

/** How fast a route has been of late; null while nobody has measured it. */
export interface Pace {
  firstTokenMs: number | null
  tokensPerSecond: number | null
}

interface State extends Pace {
  /** Ends of the attempts of the last moments, oldest first. */
  attempts: { atMs: number; isFailure: boolean }[]
  coolUntilMs: number
  /** Set while the circuit is open: when it may be probed. */
  probeFromMs: number | null
  /** Until when a probe under way keeps others away; a probe that is never heard of frees its place by this. */
  probingUntilMs: number
}

/**
 * What this isolate has seen of each route. A route that says 429 cools for as long as it says; one that fails more often than not is open, until a
 * single request has probed it. A route that is not ready comes last; it is never taken away, since it may be the only one.
 */
export class RouteHealth {
  readonly #states = new Map<string, State>()

  /** Whether a route may be tried in its turn. While its circuit is open, that is one request at a time, after a pause. */
  isReady(routeId: string, nowMs: number): boolean {
    const state = this.#states.get(routeId)
    if (!state) return true
    if (nowMs < state.coolUntilMs) return false
    return state.probeFromMs === null || (nowMs >= state.probeFromMs && nowMs >= state.probingUntilMs)
  }

  paceOf(routeId: string): Pace {
    return this.#states.get(routeId) ?? { firstTokenMs: null, tokensPerSecond: null }
  }

  /** An attempt begins: a half-open circuit now has its probe. */
  began(routeId: string, nowMs: number): void {
    const state = this.#states.get(routeId)
    if (state && state.probeFromMs !== null && nowMs >= state.probeFromMs) state.probingUntilMs = nowMs + circuitOpenMs
  }

  /** An attempt has ended. What is the client's fault, or nobody's, says nothing of the route. */
  ended(routeId: string, outcome: AttemptOutcome, coolMs: number | null, nowMs: number): void {
    const state = this.#stateOf(routeId)
    state.probingUntilMs = 0
    if (outcome === 'refused') return
    if (outcome === 'rate_limited') {
      state.coolUntilMs = nowMs + (coolMs ?? usualCoolMs)
      return
    }
    const isFailure = outcome !== 'answered'
    if (!isFailure && state.probeFromMs !== null) {
      state.probeFromMs = null
      state.attempts = []
    }
    state.attempts.push({ atMs: nowMs, isFailure })
    state.attempts = state.attempts.filter(({ atMs }) => nowMs - atMs <= circuitWindowMs).slice(-circuitVolume * 4)
    // A key that does not work fails for everyone, so there is nothing to count.
    if (isFailure && (outcome === 'unauthorized' || state.probeFromMs !== null || failsMostly(state))) {
      state.probeFromMs = nowMs + Math.max(circuitOpenMs, coolMs ?? 0)
    }
  }

  /** A request was served: how long its first token took, and how many tokens a second came after it. */
  measured(routeId: string, pace: Pace): void {
    const state = this.#stateOf(routeId)
    state.firstTokenMs = smoothed(state.firstTokenMs, pace.firstTokenMs)
    state.tokensPerSecond = smoothed(state.tokensPerSecond, pace.tokensPerSecond)
  }

  #stateOf(routeId: string): State {
    const known = this.#states.get(routeId)
    if (known) return known
    const fresh: State = { attempts: [], coolUntilMs: 0, probeFromMs: null, probingUntilMs: 0, firstTokenMs: null, tokensPerSecond: null }
    if (this.#states.size >= measuredRoutes) this.#states.clear()
    this.#states.set(routeId, fresh)
    return fresh
  }
}

/** Half of the attempts or more, of at least so many that it means something. */
function failsMostly({ attempts }: State): boolean {
  const failures = attempts.filter(({ isFailure }) => isFailure).length
  return attempts.length >= circuitVolume && failures * 2 >= attempts.length
}

/** An exponential average, in which the last ten or so count. */
function smoothed(known: number | null, measured: number | null): number | null {
  if (measured === null) return known
  return known === null ? measured : known + (measured - known) / 8
}
