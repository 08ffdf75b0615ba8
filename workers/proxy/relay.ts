import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { admit } from './admission/admit.ts'
import { holdOf } from './admission/hold.ts'
import { idempotencyOf, readIdempotencyKey } from './admission/idempotency.ts'
import { AdmittedCall } from './answer/admitted-call.ts'
import { findAnswer, type StoredAnswer } from './answer/answer-routes.ts'
import { authenticate } from './caller/authenticate.ts'
import { catalogue, type Models } from './catalogue/catalogue.ts'
import { unknownModel } from './catalogue/unknown-model.ts'
import type { Call, Dialect } from './dialects/dialect.ts'
import { type Exchange, factsOf } from './exchange.ts'
import { continuedFrameTokens } from './limits.ts'
import { readRequestBody } from './request-body.ts'
import { type Offer, offersOf } from './upstream/offers.ts'
import { RouteHealth } from './upstream/route-health.ts'

const health = new RouteHealth()

/** Relays one request in its own dialect: authenticate, admit, route, call, meter, settle. `pathModel` is the model where the path names it. */
export async function relay<C extends Call>(exchange: Exchange, dialect: Dialect<C>, pathModel: string | null = null): Promise<Response> {
  const { surroundings, request } = exchange
  const caller = await authenticate(exchange)
  const bytes = await readRequestBody(request, dialect)
  const url = new URL(request.url)
  const call = await dialect.read({ bytes, headers: request.headers, url, pathModel })
  const models = modelsOf(call, await catalogue(surroundings, exchange.waitUntil), dialect)
  const { organizationId } = caller
  const earlier = await earlierAnswer(exchange, organizationId, call)
  const wish = { dialect: dialect.speaks, call, organizationId, pinnedRouteId: earlier?.routeId ?? null }
  const offers = offersOf(models, wish, health)
  const [first] = offers
  if (!first) throw new ApiError('no_route')
  const facts = { keyId: caller.keyId, model: first.model.id, priceVersionId: first.price.priceVersionId, path: dialect.endpoint }
  const others = new Set(offers.map(({ model }) => model.id).filter((id) => id !== first.model.id))
  const hold = holdOf(factsOf(exchange, facts), dialect, continuing(call, earlier, offers), offers)
  const idempotencyKey = readIdempotencyKey(request)
  const { pathname } = url
  const idempotency =
    idempotencyKey === null ? undefined : await idempotencyOf(caller.keyId, idempotencyKey, request.method, pathname, bytes)
  const admission = await admit(exchange, caller, hold, { fallbackModels: [...others], idempotency })
  const admitted = new AdmittedCall({ exchange, dialect, call, offers, admission, health })
  // The client may leave at any time; what was admitted is settled all the same.
  exchange.waitUntil(admitted.settled)
  return admitted.relay()
}

/** The model that was asked for and those the client would take instead, each only when it can do what the call asks of it. Throws 404 or 400. */
function modelsOf<C extends Call>(call: C, models: Models, dialect: Dialect<C>): CatalogueModel[] {
  const [first, ...others] = [call.model, ...(call.relay.models ?? [])].map((name) => foundModel(name, models))
  if (!first) throw new ApiError('internal_error')
  const fault = faultOf(first, call, dialect)
  if (fault) throw fault
  return [first, ...others.filter((model) => model !== first && !faultOf(model, call, dialect))]
}

function foundModel(name: string, models: Models): CatalogueModel {
  const model = models.get(name)
  if (model) return model
  throw unknownModel(name, models)
}

function faultOf<C extends Call>(model: CatalogueModel, call: C, { outputLimit }: Dialect<C>): ApiError | null {
  const { maxOutputTokens } = model
  if (outputLimit !== null && call.maxOutputTokens !== null && call.maxOutputTokens > maxOutputTokens) {
    const message = `${outputLimit} is too large: ${call.maxOutputTokens}. This model supports at most ${maxOutputTokens}.`
    return new ApiError('invalid_request', { param: outputLimit, message })
  }
  const missing = call.requires.find((name) => model.price.units?.[name] === undefined)
  return missing === undefined ? null : new ApiError('not_sold', { message: `The model '${model.id}' is not sold for ${unsold[missing]}.` })
}

/** What a price of each kind would sell, in a client's words. */
const unsold: Record<Call['requires'][number], string> = {
  inputAudioPicos: 'audio in the prompt',
  inputImagePicos: 'images in the prompt',
  outputAudioPicos: 'audio in the answer',
  outputImagePicos: 'images in the answer',
  characterPicos: 'speech as plain audio, but with `"stream_format": "sse"`',
  imageNanos: 'images',
  secondNanos: 'audio',
  webSearchNanos: 'web search',
  requestNanos: 'single requests',
  longContext: 'long prompts',
}

/** The stored answer that a call continues. Throws 400 when its customer has no such answer. */
async function earlierAnswer({ surroundings }: Exchange, organizationId: string, { conversation }: Call): Promise<StoredAnswer | null> {
  if (conversation.previousAnswerId === null) return null
  const earlier = await findAnswer(surroundings.redis, organizationId, conversation.previousAnswerId)
  if (earlier === null) throw new ApiError('previous_response_not_found', { param: 'previous_response_id' })
  return earlier
}

/**
 * The call as it is held for: what it continues is input that its bytes do not bound. That is what the earlier answer was given and said, or as much as
 * the model can be given while nobody has told.
 */
function continuing<C extends Call>(call: C, earlier: StoredAnswer | null, offers: readonly Offer[]): C {
  if (!earlier) return call
  const most = Math.max(...offers.map(({ model }) => model.contextTokens))
  const tokens = Math.min(most, (earlier.tokens ?? most) + continuedFrameTokens)
  return { ...call, inputTokensBound: call.inputTokensBound + tokens, uncountedTokens: call.uncountedTokens + tokens }
}
