import type { CatalogueModel, CatalogueRoute, VersionedPrice } from '#db/queries/read-catalogue.ts'
import { type DialectName, endpointsOf } from '#shared/contracts/dialect.ts'
import type { OwnCredential } from '#shared/contracts/provider-credential.ts'
import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import type { Call } from '../dialects/dialect.ts'
import { credentialsFor, type OwnMeans, ownOffers, ownRoutes } from '../own-keys/own-offers.ts'
import type { RouteHealth } from './route-health.ts'

/** One way to serve a call, and what the customer pays if it is taken. */
export interface Offer {
  /** What stored answers know it by: a route, and whose account there. */
  key: string
  /** What health knows it by. Another key of the same account has a health of its own. */
  healthKey: string
  model: CatalogueModel
  route: CatalogueRoute
  price: VersionedPrice
  /** Set where it is the customer's own account; `apiKey` is null until it was opened. */
  own: { credential: OwnCredential; apiKey: string | null } | null
}

export interface Wish {
  dialect: DialectName
  call: Call
  /** Sets the conversations of one customer apart from those of another. */
  organizationId: string
  /** The offer that has the stored answer which the call continues. */
  pinnedKey: string | null
  own: OwnMeans
}

/** What a route of ours offers. */
export function paidOffer(model: CatalogueModel, route: CatalogueRoute): Offer {
  return { key: route.routeId, healthKey: route.routeId, model, route, price: route.price ?? model.price, own: null }
}

/**
 * Every way to serve a call, best first: by the order of the models, then the customer's own accounts, then healthy routes before others, then what the
 * client prefers, then priority and weight. Throws 400 when the models speak another dialect, are not sold for what the call asks, or the client's
 * preferences leave none, and 403 when the customer's own keys are all paused.
 */
export function offersOf(models: CatalogueModel[], wish: Wish, health: RouteHealth, random: () => number = Math.random): Offer[] {
  const { call, dialect, pinnedKey } = wish
  const [first] = models
  const spoken = models.map((model) => offersFor(model, dialect, wish.own))
  if (first && isEmpty(spoken)) throw unspoken(first, models, wish)
  const sold = spoken.map((some) =>
    some.filter(({ price, own }) => own || call.requires.every((name) => price.units?.[name] !== undefined)),
  )
  if (first && isEmpty(sold)) throw notSold(first, call)
  const offers = sold.flatMap((some) => {
    const wanted = some.filter((offer) => isWanted(offer.route, call.relay) && (pinnedKey ?? offer.key) === offer.key)
    const ranked = rank(wanted, wish, health, random)
    if (!call.conversation.isBound) return ranked
    const keeper = keeperOf(wanted, wish)
    return ranked.filter((offer) => accountOf(offer) === keeper)
  })
  if (offers.length === 0) {
    throw new ApiError('no_route', pinnedKey === null ? {} : { message: 'The route that has the previous response is gone.' })
  }
  return call.relay.fallback === false ? offers.slice(0, 1) : offers
}

/** What own credentials are meant for is not served with the balance, unless the customer wants that. */
function offersFor(model: CatalogueModel, dialect: DialectName, means: OwnMeans): Offer[] {
  const credentials = means.credentials.length === 0 ? [] : credentialsFor(model, dialect, means)
  const own = credentials.filter(({ isPaused }) => !isPaused).flatMap((credential) => ownOffers(model, credential))
  const paid = credentials.length === 0 || means.fallback ? model.routes.map((route) => paidOffer(model, route)) : []
  return [...own, ...paid].filter(({ route }) => route.dialects.includes(dialect))
}

function isEmpty(offers: Offer[][]): boolean {
  return offers.every(({ length }) => length === 0)
}

function notSold({ id, price }: CatalogueModel, { requires }: Call): ApiError {
  const missing = requires.find((name) => price.units?.[name] === undefined) ?? requires[0]
  return new ApiError('not_sold', missing && { message: `The model '${id}' is not sold for ${unsold[missing]}.` })
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

/** Why nobody serves a call in its dialect: the customer's own keys for it are paused, or nobody speaks it. */
function unspoken(first: CatalogueModel, models: CatalogueModel[], { dialect, own }: Wish): ApiError {
  if (models.some((model) => credentialsFor(model, dialect, own).length > 0)) return new ApiError('byok_paused')
  const routes = [...first.routes, ...own.credentials.flatMap((credential) => ownRoutes(first, credential))]
  const spoken = new Set(routes.flatMap(({ dialects }) => dialects.map((each) => endpointsOf[each])))
  const message = `The model '${first.id}' is not served at ${endpointsOf[dialect]}. It is at ${[...spoken].join(', ')}.`
  return new ApiError('wrong_endpoint', { param: 'model', message })
}

function isWanted({ region, upstream }: CatalogueRoute, { regions, providers = {} }: RelayOptions): boolean {
  if (regions && (region === null || !regions.includes(region))) return false
  if (providers.only && !providers.only.includes(upstream)) return false
  return !providers.ignore?.includes(upstream)
}

function rank(offers: Offer[], wish: Wish, health: RouteHealth, random: () => number): Offer[] {
  if (offers.length < 2) return offers
  const nowMs = Date.now()
  const { sort, providers = {} } = wish.call.relay
  const order = providers.order ?? []
  const conversation = conversationOf(wish)
  const keys = new Map(
    offers.map((offer) => {
      const { route, own } = offer
      const preferred = order.indexOf(route.upstream)
      const isReady = route.isUp && health.isReady(offer.healthKey, nowMs)
      const sorted = sort ? sortKey(sort, offer, health) : 0
      return [
        offer,
        [
          own ? 0 : 1,
          isReady ? 0 : 1,
          preferred === -1 ? order.length : preferred,
          sorted,
          own?.credential.priority ?? 0,
          route.priority,
          draw(offer, wish, conversation, random),
        ],
      ] as const
    }),
  )
  return offers.toSorted((one, other) => compare(keys.get(one) ?? [], keys.get(other) ?? []))
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index])
  return at === -1 ? 0 : (one[at] ?? 0) - (other[at] ?? 0)
}

/** A route that nobody has measured yet comes last among those that were, and first where none was. */
function sortKey(sort: NonNullable<RelayOptions['sort']>, { healthKey, price }: Offer, health: RouteHealth): number {
  if (sort === 'price') return price.inputPicos + price.outputPicos
  const pace = health.paceOf(healthKey)
  if (sort === 'latency') return pace.firstTokenMs ?? Number.MAX_SAFE_INTEGER
  return -(pace.tokensPerSecond ?? 0)
}

/**
 * A place in a draw by weight: the smallest wins. A conversation draws the same numbers each time, in every isolate, so that it keeps to its route and
 * moves to the same other one while that is away (weighted rendezvous hashing).
 */
function draw({ key, route }: Offer, wish: Wish, conversation: string | null, random: () => number): number {
  const number = conversation === null ? random() : fractionOf(`${wish.organizationId}\n${conversation}\n${key}`)
  return -Math.log(Math.max(number, Number.MIN_VALUE)) / route.weight
}

/** By what a conversation is known again; null when nothing tells. */
function conversationOf({ call }: Wish): string | null {
  return call.relay.session ?? call.conversation.key()
}

/** The account that a bound conversation belongs to, whatever its health: the one it would draw if all were well. */
function keeperOf(offers: Offer[], wish: Wish): string | undefined {
  const conversation = conversationOf(wish)
  const keys = new Map(
    offers.map((offer) => {
      const { own, route } = offer
      return [offer, [own ? 0 : 1, own?.credential.priority ?? 0, route.priority, draw(offer, wish, conversation, () => 1)]] as const
    }),
  )
  const [first] = offers.toSorted((one, other) => compare(keys.get(one) ?? [], keys.get(other) ?? []))
  return first && accountOf(first)
}

/** Whose account serves an offer: ours at an upstream, or the customer's own. */
function accountOf({ own, route }: Offer): string {
  return own ? own.credential.credentialId : route.upstream
}

/** A number in (0, 1) that is a pure function of a text: FNV-1a with a finish that spreads its bits. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 4_294_967_296
}
