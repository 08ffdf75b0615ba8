import type { Attempt, Settlement } from '#shared/contracts/usage-event.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { attemptsMost, attemptsMs } from '../limits.ts'
import type { UpstreamAnswer } from './call.ts'
import { UpstreamFailure } from './failure.ts'
import type { Offer } from './offers.ts'
import type { RouteHealth } from './route-health.ts'

/**
 * The attempts to have one request served: one after another, until one is answered, the failure says that work may have been done, or the budget of
 * attempts and time is spent. No route is asked twice. Once anything is on its way to the client, there is no further attempt.
 */
export class Attempts {
  readonly list: Attempt[] = []
  /** The offer that was tried last. */
  offer: Offer | null = null
  readonly #health: RouteHealth
  readonly #startedAtMs: number
  #attemptAtMs = 0
  #trace: string | undefined
  #isAnswered = false

  constructor(health: RouteHealth, startedAtMs: number) {
    this.#health = health
    this.#startedAtMs = startedAtMs
  }

  /** Answers with the first offer that can; throws the last failure in the client's terms. Nobody is asked for a client that is gone. */
  async serve<Served>(offers: readonly Offer[], client: AbortSignal, attempt: (offer: Offer) => Promise<Served>): Promise<Served> {
    let told: ApiError | undefined
    for (const offer of offers.slice(0, attemptsMost)) {
      if (client.aborted || (this.list.length > 0 && Date.now() - this.#startedAtMs > attemptsMs)) break
      this.#begin(offer)
      try {
        const served = await attempt(offer)
        this.#end(offer, { outcome: 'answered', status: 200, coolMs: null, costNanos: null })
        return served
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) {
          this.#end(offer, { outcome: 'failed', status: null, coolMs: null, costNanos: null })
          throw error
        }
        told = this.#endFailed(offer, error)
        if (!error.facts.mayMoveOn) break
      }
    }
    throw told ?? new ApiError('upstream_unavailable')
  }

  /** The upstream of the running attempt has answered, and told what it calls it. */
  answered({ trace }: Pick<UpstreamAnswer, 'trace'>): void {
    this.#trace = trace
    this.#isAnswered = true
  }

  /** Every attempt up to now, the running one too once its upstream has answered: a whole answer is settled before its attempt has ended. */
  soFar(): Attempt[] {
    if (!this.offer || !this.#isRunning || !this.#isAnswered) return this.list
    return [...this.list, this.#attemptOf(this.offer, { outcome: 'answered', status: 200, costNanos: null })]
  }

  /** What was served tells how fast its route is. */
  measured({ timeToFirstTokenMs, latencyMs, usage }: Settlement): void {
    const flowMs = latencyMs - (timeToFirstTokenMs ?? 0)
    const tokensPerSecond = usage.outputTokens && flowMs > 0 ? (usage.outputTokens * 1_000) / flowMs : null
    if (this.offer) this.#health.measured(this.offer.healthKey, { firstTokenMs: timeToFirstTokenMs, tokensPerSecond })
  }

  /** For the client: who served it, and after how many attempts. */
  headers(): Record<string, string> {
    const { offer, list } = this
    if (!offer) return {}
    return {
      'x-relay-model': offer.model.id,
      'x-relay-route': offer.route.routeId,
      'x-relay-upstream': offer.route.upstream,
      ...(offer.own && { 'x-relay-credential': offer.own.credential.credentialId }),
      // The one that is being answered has not ended.
      'x-relay-attempts': String(list.length + (this.#isRunning ? 1 : 0)),
    }
  }

  get #isRunning(): boolean {
    return this.#attemptAtMs !== 0
  }

  #begin(offer: Offer): void {
    this.offer = offer
    this.#trace = undefined
    this.#isAnswered = false
    this.#attemptAtMs = Date.now()
    this.#health.began(offer.healthKey, this.#attemptAtMs)
  }

  #end(offer: Offer, { coolMs, ...ending }: Ending & { coolMs: number | null }): void {
    this.#health.ended(offer.healthKey, ending.outcome, coolMs, Date.now())
    this.list.push(this.#attemptOf(offer, ending))
    this.#attemptAtMs = 0
  }

  /** Ends an attempt that failed; answers what the client is told when nobody else can serve it. */
  #endFailed(offer: Offer, { told, facts: { outcome, status, mayMoveOn, coolMs = null, trace } }: UpstreamFailure): ApiError {
    this.#trace = trace ?? this.#trace
    // An upstream that refused has done nothing that it would charge for.
    this.#end(offer, { outcome, status, coolMs, costNanos: mayMoveOn || outcome === 'refused' ? 0 : null })
    return offer.own && outcome === 'unauthorized' ? ownKeyRefused(offer.own) : told
  }

  #attemptOf({ route: { routeId, upstream }, own }: Offer, ending: Ending): Attempt {
    const latencyMs = Math.max(0, Date.now() - this.#attemptAtMs)
    const credential = own && { credentialId: own.credential.credentialId }
    return { routeId, upstream, ...credential, ...ending, latencyMs, ...(this.#trace !== undefined && { trace: this.#trace }) }
  }
}

/** The fault is the customer's to mend, and the customer is told which of its keys it is. */
function ownKeyRefused({ credential: { credentialId, provider } }: NonNullable<Offer['own']>): ApiError {
  const message = `Your own key at ${provider} (${credentialId}) was refused there. Replace it, or check what it may do.`
  return new ApiError('byok_key_refused', { message })
}

type Ending = Pick<Attempt, 'outcome' | 'status' | 'costNanos'>
