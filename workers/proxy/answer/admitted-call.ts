import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { Attempt, RequestEnd, Settlement } from '#shared/contracts/usage-event.ts'
import { costNanos, type Price } from '#shared/pricing/cost.ts'
import { totalTokens } from '#shared/pricing/usage.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Admission } from '../admission/admit.ts'
import { Lease } from '../admission/lease.ts'
import { settlementOf } from '../admission/settlement.ts'
import { type Call, type Dialect, emptyReading, type Reading } from '../dialects/dialect.ts'
import { streamFormOf } from '../dialects/stream-form.ts'
import type { Exchange } from '../exchange.ts'
import { readOnMs, upstreamSilenceMs } from '../limits.ts'
import { Attempts } from '../upstream/attempts.ts'
import { callUpstream, type UpstreamAnswer } from '../upstream/call.ts'
import type { Offer } from '../upstream/offers.ts'
import type { RouteHealth } from '../upstream/route-health.ts'
import { rememberAnswer } from './answer-routes.ts'
import { costRewrite, withCost } from './cost-in-answer.ts'
import { relayMedia } from './media-answer.ts'
import { type RelayedStream, relayStream, type StreamEnd } from './stream-answer.ts'
import { readWholeAnswer } from './whole-answer.ts'

export interface Admitted<C extends Call> {
  exchange: Exchange
  dialect: Dialect<C>
  call: C
  /** Best first, and not empty. */
  offers: Offer[]
  admission: Admission
  health: RouteHealth
}

/** A call that holds money: whatever becomes of it, it is settled exactly once. */
export class AdmittedCall<C extends Call> {
  readonly #admitted: Admitted<C>
  readonly #lease: Lease
  readonly #attempts: Attempts
  readonly #settled = Promise.withResolvers<void>()
  #progress: () => Reading = emptyReading
  #endSilence: () => void = () => undefined
  #cancel: () => void = () => undefined
  #firstTokenAtMs: number | null = null
  #remembered = Promise.resolve()

  constructor(admitted: Admitted<C>) {
    this.#admitted = admitted
    const { exchange, admission, health } = admitted
    this.#attempts = new Attempts(health, exchange.startedAtMs)
    this.#lease = new Lease(exchange, admission, () => {
      this.#endSilence()
      this.#endUnheard()
      return this.#settlement(this.#progress(), 'expired', null)
    })
  }

  /** Resolves when the ledger has acknowledged the settlement, or nothing more can be done for it. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  async relay(): Promise<Response> {
    const { admission, exchange, offers } = this.#admitted
    try {
      return await this.#attempts.serve(offers, exchange.request.signal, (offer) => this.#try(offer))
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError('internal_error')
      if (failure !== error) logFailure('relay_failed', error, { requestId: exchange.requestId })
      if (this.#attempts.offer) this.#settle(emptyReading(), 'upstream_error', failure.status)
      else this.#settle(emptyReading(), 'client_left', null)
      const headers = { ...admission.headers, ...failure.details.headers, ...this.#attempts.headers() }
      throw new ApiError(failure.code, { ...failure.details, headers })
    }
  }

  /** Ends what is asked for a client that has left, `readOnMs` after that or sooner. Looked for now and then: to be told at once costs every request. */
  #endUnheard(): void {
    const { admission, exchange } = this.#admitted
    if (exchange.request.signal.aborted) setTimeout(() => this.#cancel(), Math.max(0, readOnMs - admission.leaseMs / 3))
  }

  async #try({ route, own }: Offer): Promise<Response> {
    const { call, dialect, exchange } = this.#admitted
    const form = streamFormOf(call.answer)
    const answer = await callUpstream({
      route,
      family: dialect.family,
      credential: own ? own.apiKey : (exchange.surroundings.credentials.get(route.credential) ?? null),
      ask: dialect.ask(call, route.upstreamModel),
      accept: form?.contentType ?? (call.answer === 'json' ? 'application/json' : '*/*'),
      requestId: exchange.requestId,
    })
    this.#cancel = answer.cancel
    this.#attempts.answered(answer)
    if (call.answer === 'media') return this.#relayMedia(answer)
    if (!form) return this.#relayWhole(answer)
    const hides = dialect.hides?.(call) ?? null
    const costUsdOf = call.relay.usage ? (reading: Reading) => this.#costUsd(reading) : null
    const rewrite = hides || costUsdOf ? costRewrite(dialect, form, hides, costUsdOf) : null
    // What is sold by the piece is told once, anywhere in the stream.
    const readForm = call.extras.webSearches ? { ...form, canBeginAnywhere: false } : form
    return this.#relayStream(answer, await relayStream(answer, { dialect, form: readForm, rewrite }))
  }

  async #relayWhole(answer: UpstreamAnswer): Promise<Response> {
    const { call, dialect } = this.#admitted
    const { bytes, reading } = await readWholeAnswer(answer, dialect)
    const settlement = this.#settle(reading, 'completed', 200)
    await this.#remember(reading)
    const costUsd = this.#chargedUsd(settlement)
    const body = call.relay.usage ? withCost(bytes, dialect, costUsd) : bytes
    return this.#respond(body, { 'content-type': 'application/json', 'x-relay-cost-usd': costUsd })
  }

  #relayStream(answer: UpstreamAnswer, { readable, meter, ended }: RelayedStream): Response {
    const { call } = this.#admitted
    const form = streamFormOf(call.answer)
    this.#firstTokenAtMs = Date.now()
    this.#progress = () => meter.progress()
    // A client may continue the answer as soon as it has it, which is before the end is known here.
    if (call.conversation.isStored) void this.#remember(meter.progress())
    this.#endSilence = () => {
      if (Date.now() - meter.lastBytesAtMs > upstreamSilenceMs) answer.cancel()
    }
    void ended.then((end) => this.#endStream(meter.finish(), end))
    const headers = { 'content-type': form?.contentType ?? '', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' }
    return this.#respond(readable, headers)
  }

  #endStream(reading: Reading, end: StreamEnd): void {
    const settlement = this.#settle(reading, end, 200)
    this.#attempts.measured(settlement)
    void this.#remember(reading)
  }

  async #relayMedia(answer: UpstreamAnswer): Promise<Response> {
    const { readable, contentType, ended, silentMs } = await relayMedia(answer)
    this.#endSilence = () => {
      if (silentMs() > upstreamSilenceMs) answer.cancel()
    }
    this.#firstTokenAtMs = Date.now()
    // Nobody looks into the bytes; that there were any is what the charge rests on, and so it is known before their end.
    const delivered = { ...emptyReading(), deliveredBytes: 1 }
    this.#progress = () => delivered
    void ended.then((end) => this.#settle(delivered, end, 200))
    return this.#respond(readable, { 'content-type': contentType, 'x-relay-cost-usd': this.#costUsd(delivered) })
  }

  #respond(body: BodyInit, headers: Record<string, string>): Response {
    return new Response(body, { headers: { ...this.#admitted.admission.headers, ...this.#attempts.headers(), ...headers } })
  }

  /** Keeps where a stored answer is, in the order in which this is asked for. */
  #remember({ answerId, usage }: Reading): Promise<void> {
    const { offer } = this.#attempts
    const { call, exchange, admission } = this.#admitted
    if (!call.conversation.isStored || answerId === null || !offer) return Promise.resolve()
    const answer = { offerKey: offer.key, tokens: usage && totalTokens(usage) }
    const { redis } = exchange.surroundings
    this.#remembered = this.#remembered.then(() => rememberAnswer(redis, admission.organizationId, answerId, answer))
    exchange.waitUntil(this.#remembered)
    return this.#remembered
  }

  #costUsd(reading: Reading): string {
    return this.#chargedUsd(this.#settlement(reading, 'completed', 200))
  }

  /** The ledger cuts a cost above the hold to it, and a client is told what it is charged. */
  #chargedUsd({ costNanos: nanos }: Settlement): string {
    return formatUsd(Math.min(nanos, this.#admitted.admission.reference.holdNanos))
  }

  #settle(reading: Reading, end: RequestEnd, status: number | null): Settlement {
    const settlement = this.#settlement(reading, end, status)
    this.#settled.resolve(this.#lease.settle(settlement))
    return settlement
  }

  #settlement(reading: Reading, end: RequestEnd, status: number | null): Settlement {
    const { call, dialect, exchange, offers, admission } = this.#admitted
    const offer = this.#attempts.offer ?? offers[0]
    // What its provider charges for an own account is told as if we were charged, and the customer owes us nothing for it.
    const price = offer?.own ? ownUsagePrice(offer.model) : (offer?.price ?? null)
    const { model, priceVersionId } = admission.reference.request
    const isOther = offer && (offer.model.id !== model || offer.price.priceVersionId !== priceVersionId)
    const ending = {
      end,
      status,
      routeId: this.#attempts.offer?.route.routeId ?? null,
      upstream: this.#attempts.offer?.route.upstream ?? null,
      latencyMs: Math.max(0, Date.now() - exchange.startedAtMs),
      timeToFirstTokenMs: this.#firstTokenAtMs === null ? null : Math.max(0, this.#firstTokenAtMs - exchange.startedAtMs),
      ...(this.#attempts.offer?.own && { credentialId: this.#attempts.offer.own.credential.credentialId }),
      ...(isOther && { served: { model: offer.model.id, priceVersionId: offer.price.priceVersionId } }),
    }
    const settlement = settlementOf(reading, ending, call, dialect.isFree ? null : price)
    return { ...settlement, ...(offer?.own && { costNanos: 0 }), ...attemptsTold(this.#attempts.soFar(), settlement, offer) }
  }
}

/** By which the usage of an own account is told: pieces that only a provider can count are taken as it reports them, sold by us or not. */
function ownUsagePrice({ price }: CatalogueModel): Price {
  return { ...price, units: { secondNanos: 0, webSearchNanos: 0, ...price.units } }
}

/** The attempts, where there is more to tell of them than that ours was answered, and what the upstream charges for its answer by the same usage. */
function attemptsTold(
  attempts: Attempt[],
  { usage }: Settlement,
  offer: Offer | undefined,
): Pick<Settlement, 'attempts' | 'upstreamCostNanos'> {
  const answerNanos = offer?.route.cost ? costNanos(usage, offer.route.cost) : null
  const [only, ...others] = attempts
  if (only?.outcome === 'answered' && others.length === 0 && !offer?.own) {
    return answerNanos === null ? {} : { upstreamCostNanos: answerNanos }
  }
  return { attempts: attempts.map((attempt) => (attempt.outcome === 'answered' ? { ...attempt, costNanos: answerNanos } : attempt)) }
}
