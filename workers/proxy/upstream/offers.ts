import type { CatalogueModel, CatalogueRoute, VersionedPrice } from '#db/queries/read-catalogue.ts'
import { type DialectName, endpointsOf } from '#shared/contracts/dialect.ts'
import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import type { Call } from '../dialects/dialect.ts'
import type { RouteHealth } from './route-health.ts'

/** One way to serve a call, and what the customer pays if it is taken. */
export interface Offer {
  model: CatalogueModel
  route: CatalogueRoute
  price: VersionedPrice
}

export interface Wish {
  dialect: DialectName
  call: Call
  /** Sets the conversations of one customer apart from those of another. */
  organizationId: string
  /** The route that has the stored answer which the call continues. */
  pinnedRouteId: string | null
}

/**
 * Every way to serve a call, best first: by the order of the models, then healthy routes before others, then what the client prefers, then priority and
 * weight. Throws 400 when the models speak another dialect or the client's preferences leave none.
 */
export function offersOf(models: CatalogueModel[], wish: Wish, health: RouteHealth, random: () => number = Math.random): Offer[] {
  const { call, dialect, pinnedRouteId } = wish
  const spoken = models.map((model) => routesInDialect(model, dialect))
  const [first] = models
  if (first && spoken.every((offers) => offers.length === 0)) throw wrongDialect(first, dialect)
  const offers = spoken.flatMap((some) => {
    const wanted = some.filter(
      (offer) => isWanted(offer.route, call.relay) && (pinnedRouteId ?? offer.route.routeId) === offer.route.routeId,
    )
    const ranked = rank(wanted, wish, health, random)
    if (!call.conversation.isBound) return ranked
    const keeper = keeperOf(wanted, wish)
    return ranked.filter(({ route }) => route.upstream === keeper)
  })
  if (offers.length === 0) {
    throw new ApiError('no_route', pinnedRouteId === null ? {} : { message: 'The route that has the previous response is gone.' })
  }
  return call.relay.fallback === false ? offers.slice(0, 1) : offers
}

function routesInDialect(model: CatalogueModel, dialect: DialectName): Offer[] {
  return model.routes
    .filter((route) => route.dialects.includes(dialect))
    .map((route) => ({ model, route, price: route.price ?? model.price }))
}

function wrongDialect(model: CatalogueModel, dialect: DialectName): ApiError {
  const spoken = [...new Set(model.routes.flatMap((route) => route.dialects))].map((each) => endpointsOf[each])
  const message = `The model '${model.id}' is not served at ${endpointsOf[dialect]}. It is at ${spoken.join(', ')}.`
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
  const keys = new Map(
    offers.map((offer) => {
      const { route } = offer
      const preferred = order.indexOf(route.upstream)
      const isReady = route.isUp && health.isReady(route.routeId, nowMs)
      const sorted = sort ? sortKey(sort, offer, health) : 0
      return [
        offer,
        [isReady ? 0 : 1, preferred === -1 ? order.length : preferred, sorted, route.priority, draw(offer, wish, random)],
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
function sortKey(sort: NonNullable<RelayOptions['sort']>, { route, price }: Offer, health: RouteHealth): number {
  if (sort === 'price') return price.inputPicos + price.outputPicos
  const pace = health.paceOf(route.routeId)
  if (sort === 'latency') return pace.firstTokenMs ?? Number.MAX_SAFE_INTEGER
  return -(pace.tokensPerSecond ?? 0)
}

/**
 * A place in a draw by weight: the smallest wins. A conversation draws the same numbers each time, in every isolate, so that it keeps to its route and
 * moves to the same other one while that is away (weighted rendezvous hashing).
 */
function draw({ route }: Offer, wish: Wish, random: () => number): number {
  const conversation = wish.call.relay.session ?? wish.call.conversation.key()
  const number = conversation === null ? random() : fractionOf(`${wish.organizationId}\n${conversation}\n${route.routeId}`)
  return -Math.log(Math.max(number, Number.MIN_VALUE)) / route.weight
}

/** The upstream that a bound conversation belongs to, whatever its health: the one it would draw if all were well. */
function keeperOf(offers: Offer[], wish: Wish): string | undefined {
  const ranked = offers.toSorted(
    (one, other) => one.route.priority - other.route.priority || draw(one, wish, () => 1) - draw(other, wish, () => 1),
  )
  return ranked[0]?.route.upstream
}

/** A number in (0, 1) that is a pure function of a text: FNV-1a with a finish that spreads its bits. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 4_294_967_296
}
