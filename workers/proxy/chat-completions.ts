import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import type { RequestEnd } from '#shared/contracts/usage-event.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { logFailure } from '#workers/edge/log.ts'
import { type Admission, admit } from './admit.ts'
import { authenticate } from './authenticate.ts'
import { catalogue } from './catalogue.ts'
import { type ChatCall, openaiChatPath, readChatCall, upstreamChatBody } from './dialects/openai-chat.ts'
import { emptyReading, type Reading } from './dialects/openai-chat-usage.ts'
import type { Exchange } from './exchange.ts'
import { holdOf } from './hold.ts'
import { Lease } from './lease.ts'
import { upstreamSilenceMs } from './limits.ts'
import { readRequestBody } from './request-body.ts'
import { settlementOf } from './settlement.ts'
import { relayStream } from './stream-answer.ts'
import { callUpstream, type UpstreamAnswer } from './upstream/call.ts'
import { chooseRoute } from './upstream/choose-route.ts'
import { readWholeAnswer } from './whole-answer.ts'

/** `POST /v1/chat/completions`: authenticate, admit, route, call, meter, settle. */
export async function relayChatCompletion(exchange: Exchange): Promise<Response> {
  const { surroundings } = exchange
  const caller = await authenticate(exchange)
  const call = readChatCall(await readRequestBody(exchange.request))
  const model = (await catalogue(surroundings, exchange.waitUntil)).get(call.model)
  if (!model) throw new ApiError('model_not_found', { param: 'model' })
  const admission = await admit(exchange, caller, holdOf(exchange, call, model, caller.keyId))
  const chat = new AdmittedChat(exchange, call, model, admission)
  // The client may leave at any time; what was admitted is settled all the same.
  exchange.waitUntil(chat.settled)
  return chat.relay()
}

/** A call that holds money: whatever becomes of it, it is settled exactly once. */
class AdmittedChat {
  readonly #exchange: Exchange
  readonly #call: ChatCall
  readonly #model: CatalogueModel
  readonly #admission: Admission
  readonly #lease: Lease
  readonly #settled = Promise.withResolvers<void>()
  #progress: () => Reading = emptyReading
  #endSilence: () => void = () => undefined
  #route: CatalogueRoute | null = null
  #firstTokenAtMs: number | null = null

  constructor(exchange: Exchange, call: ChatCall, model: CatalogueModel, admission: Admission) {
    this.#exchange = exchange
    this.#call = call
    this.#model = model
    this.#admission = admission
    this.#lease = new Lease(exchange, admission, () => {
      this.#endSilence()
      return this.#settlement(this.#progress(), 'expired', null)
    })
  }

  /** Resolves when the ledger has acknowledged the settlement, or nothing more can be done for it. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  async relay(): Promise<Response> {
    try {
      const answer = await this.#callUpstream()
      return this.#call.stream ? await this.#relayStream(answer) : await this.#relayWhole(answer)
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError('internal_error')
      if (failure !== error) logFailure('relay_failed', error, { requestId: this.#exchange.requestId })
      this.#settle(emptyReading(), 'upstream_error', failure.status)
      throw new ApiError(failure.code, { ...failure.details, headers: this.#admission.headers })
    }
  }

  async #callUpstream(): Promise<UpstreamAnswer> {
    const route = chooseRoute(this.#model)
    this.#route = route
    const credential = this.#exchange.surroundings.credentials.get(route.credential)
    if (credential === undefined) throw new ApiError('upstream_unavailable')
    return callUpstream({
      route,
      path: openaiChatPath,
      credential,
      body: upstreamChatBody(this.#call, route.upstreamModel),
      stream: this.#call.stream,
      requestId: this.#exchange.requestId,
    })
  }

  async #relayWhole(answer: UpstreamAnswer): Promise<Response> {
    const { bytes, reading } = await readWholeAnswer(answer)
    this.#settle(reading, 'completed', 200)
    return new Response(bytes, { headers: { ...this.#admission.headers, 'content-type': 'application/json' } })
  }

  async #relayStream(answer: UpstreamAnswer): Promise<Response> {
    const { readable, meter, ended } = await relayStream(answer, this.#call.showsUsage)
    this.#firstTokenAtMs = Date.now()
    this.#progress = () => meter.progress()
    this.#endSilence = () => {
      if (Date.now() - meter.lastBytesAtMs > upstreamSilenceMs) answer.cancel()
    }
    void ended.then((end) => this.#settle(meter.finish(), end, 200))
    return new Response(readable, { headers: { ...this.#admission.headers, ...streamHeaders } })
  }

  #settle(reading: Reading, end: RequestEnd, status: number): void {
    this.#settled.resolve(this.#lease.settle(this.#settlement(reading, end, status)))
  }

  #settlement(reading: Reading, end: RequestEnd, status: number | null) {
    const { startedAtMs } = this.#exchange
    return settlementOf(
      reading,
      {
        end,
        status,
        routeId: this.#route?.routeId ?? null,
        upstream: this.#route?.upstream ?? null,
        latencyMs: Math.max(0, Date.now() - startedAtMs),
        timeToFirstTokenMs: this.#firstTokenAtMs === null ? null : Math.max(0, this.#firstTokenAtMs - startedAtMs),
      },
      this.#call,
      this.#model,
    )
  }
}

/** Tells everything between us and the client to pass events on as they come. */
const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}
