import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { Idempotency } from '#shared/contracts/ledger.ts'
import { ApiError, type ApiErrorCode } from '#workers/edge/api-error.ts'
import { type Admission, admit } from './admission/admit.ts'
import { holdOf } from './admission/hold.ts'
import { idempotencyOf, readIdempotencyKey } from './admission/idempotency.ts'
import { AdmittedCall } from './answer/admitted-call.ts'
import { findAnswer, type StoredAnswer } from './answer/answer-routes.ts'
import { authenticate, authenticateAgain, type Caller } from './caller/authenticate.ts'
import { catalogue, type Models } from './catalogue/catalogue.ts'
import { unknownModel } from './catalogue/unknown-model.ts'
import type { Call, Dialect } from './dialects/dialect.ts'
import { type Exchange, factsOf } from './exchange.ts'
import { continuedFrameTokens } from './limits.ts'
import { haveOwnKeysChanged, restsOnOwnKeys } from './own-keys/changed-own-keys.ts'
import { openOwnKeys } from './own-keys/open-own-keys.ts'
import { type OwnMeans, ownMeansOf, ownModel } from './own-keys/own-offers.ts'
import { readRequestBody } from './request-body.ts'
import { unavailable } from './unavailable.ts'
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
  const models = await catalogue(surroundings, exchange.waitUntil)
  const earlier = await earlierAnswer(exchange, caller.organizationId, call)
  const idempotencyKey = readIdempotencyKey(request)
  const { method } = request
  const idempotency = idempotencyKey === null ? undefined : await idempotencyOf(caller.keyId, idempotencyKey, method, url.pathname, bytes)
  const asked = { exchange, dialect, call, models, earlier, idempotency }
  const routed = (await admitRouted(asked, caller)) ?? (await admitRouted(asked, await authenticateAgain(exchange, caller)))
  if (!routed) throw unavailable()
  const admitted = new AdmittedCall({ exchange, dialect, call, health, ...routed })
  // The client may leave at any time; what was admitted is settled all the same.
  exchange.waitUntil(admitted.settled)
  return admitted.relay()
}

interface Asked<C extends Call> {
  exchange: Exchange
  dialect: Dialect<C>
  call: C
  models: Models
  earlier: StoredAnswer | null
  idempotency: Idempotency | undefined
}

interface Routed {
  /** Best first, and not empty. */
  offers: Offer[]
  admission: Admission
}

/** Finds every way to serve a call and has it admitted; null when the customer's provider credentials have changed, and nothing was counted. */
async function admitRouted<C extends Call>(asked: Asked<C>, caller: Caller): Promise<Routed | null> {
  const offers = await offersTo(asked, caller)
  if (!offers) return null
  try {
    return await admitOffers(asked, caller, offers)
  } catch (error) {
    const free = offers.filter((offer) => offer.own)
    // What the customer's own accounts can serve does not wait for its balance.
    if (!isShortOfMoney(error) || free.length === 0 || free.length === offers.length) throw error
    return admitOffers(asked, caller, free)
  }
}

/** Every way to serve a call, best first; null when it is refused by provider credentials that the customer has changed since they were read. */
async function offersTo<C extends Call>({ exchange, dialect, call, models, earlier }: Asked<C>, caller: Caller): Promise<Offer[] | null> {
  const { organizationId } = caller
  const own = ownMeansOf(caller.ownKeys, caller.keyId)
  const wish = { dialect: dialect.speaks, call, organizationId, pinnedKey: earlier?.offerKey ?? null, own }
  try {
    return await openOwnKeys(offersOf(modelsOf(call, models, dialect, own), wish, health), exchange.surroundings, organizationId)
  } catch (error) {
    if (restsOnOwnKeys(error) && (await haveOwnKeysChanged(exchange, caller))) return null
    throw error
  }
}

async function admitOffers<C extends Call>(asked: Asked<C>, caller: Caller, offers: Offer[]): Promise<Routed | null> {
  const { exchange, dialect, call, earlier, idempotency } = asked
  const [first] = offers
  if (!first) throw new ApiError('no_route')
  const facts = { keyId: caller.keyId, model: first.model.id, priceVersionId: first.price.priceVersionId, path: dialect.endpoint }
  const others = new Set(offers.map(({ model }) => model.id).filter((id) => id !== first.model.id))
  const hold = holdOf(factsOf(exchange, facts), dialect, continuing(call, earlier, offers), offers)
  const terms = { fallbackModels: [...others], idempotency, isByok: offers.every((offer) => offer.own) }
  const admission = await admit(exchange, caller, hold, terms)
  return admission && { offers, admission }
}

const moneyRefusals = new Set<ApiErrorCode>(['insufficient_balance', 'in_flight_budget', 'spend_per_day', 'spend_per_month'])

function isShortOfMoney(error: unknown): boolean {
  return error instanceof ApiError && moneyRefusals.has(error.code)
}

/** The model that was asked for and those the client would take instead, each only when its answer may be as long as the call asks. Throws 404 or 400. */
function modelsOf<C extends Call>(call: C, models: Models, dialect: Dialect<C>, own: OwnMeans): CatalogueModel[] {
  const [first, ...others] = [call.model, ...(call.relay.models ?? [])].map((name) => foundModel(name, models, own))
  if (!first) throw new ApiError('internal_error')
  const fault = faultOf(first, call, dialect)
  if (fault) throw fault
  return [first, ...others.filter((model) => model !== first && !faultOf(model, call, dialect))]
}

function foundModel(name: string, models: Models, own: OwnMeans): CatalogueModel {
  const model = models.get(name) ?? ownModel(name, own)
  if (model) return model
  throw unknownModel(name, models)
}

function faultOf<C extends Call>({ maxOutputTokens }: CatalogueModel, call: C, { outputLimit }: Dialect<C>): ApiError | null {
  if (outputLimit === null || call.maxOutputTokens === null || call.maxOutputTokens <= maxOutputTokens) return null
  const message = `${outputLimit} is too large: ${call.maxOutputTokens}. This model supports at most ${maxOutputTokens}.`
  return new ApiError('invalid_request', { param: outputLimit, message })
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
