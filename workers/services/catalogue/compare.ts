import type { CatalogueImport } from '#db/queries/import-catalogue.ts'
import type { CatalogueState, ModelState, RouteState } from '#db/queries/read-catalogue-state.ts'
import type { CatalogueFile, ListedModel } from '#shared/contracts/catalogue.ts'
import type { CatalogueChange, PriceChange } from '#shared/contracts/catalogue-import.ts'
import type { Price } from '#shared/pricing/cost.ts'
import { amountsOf } from '#shared/pricing/price-jump.ts'
import { newId } from '#shared/values/id.ts'

/** What would be written, and the same as people read it. */
export interface Comparison {
  writes: Pick<CatalogueImport, 'upstreams' | 'models' | 'routes' | 'prices'>
  changes: CatalogueChange[]
  prices: PriceChange[]
}

/**
 * Compares a file with the catalogue there is. What the file does not name stays as it is, unless the file is complete: then models and routes it does
 * not name are switched off. A route is the same one while its model, provider, model there and region are.
 */
export function compareCatalogue(state: CatalogueState, file: CatalogueFile): Comparison {
  const comparison: Comparison = { writes: { upstreams: [], models: [], routes: [], prices: [] }, changes: [], prices: [] }
  const { writes } = comparison
  const upstreams = new Map(state.upstreams.map((upstream) => [upstream.id, upstream]))
  const models = new Map(state.models.map((model) => [model.id, model]))
  const routes = new Map(state.routes.map((route) => [identityOf(route), route]))
  for (const provider of file.providers) {
    compareRow(comparison, 'provider', writes.upstreams, upstreams.get(provider.id), provider, provider.id)
  }
  for (const listed of file.models) {
    compareModel(comparison, models.get(listed.id), listed)
    models.delete(listed.id)
    for (const route of listed.routes) {
      const identity = identityOf(routeOf(route, listed))
      compareRoute(comparison, routes.get(identity), route, listed)
      routes.delete(identity)
    }
  }
  if (!file.complete) return comparison
  for (const model of models.values()) {
    compareRow(comparison, 'model', writes.models, priceless(model), { ...priceless(model), enabled: false }, model.id)
  }
  for (const route of routes.values()) {
    compareRow(comparison, 'route', writes.routes, priceless(route), { ...priceless(route), enabled: false }, nameOf(route))
  }
  return comparison
}

function compareModel(comparison: Comparison, present: ModelState | undefined, listed: ListedModel): void {
  const { routes: _, price, ...wanted } = listed
  compareRow(comparison, 'model', comparison.writes.models, present && priceless(present), wanted, wanted.id)
  comparePrice(comparison, present?.price ?? null, price, { modelId: wanted.id, routeId: null, route: null })
}

function compareRoute(comparison: Comparison, present: RouteState | undefined, listed: ListedRoute, model: ListedModel): void {
  const route = { ...routeOf(listed, model), id: present?.id ?? newId('rte') }
  const name = nameOf(route)
  compareRow(comparison, 'route', comparison.writes.routes, present && priceless(present), route, name)
  const presentPrice = present?.price ?? null
  // A route's own price cannot be taken back, so it goes on with the model's.
  const price = listed.price ?? (presentPrice && model.price)
  if (price) comparePrice(comparison, presentPrice, price, { modelId: model.id, routeId: route.id, route: name })
}

type Rowlike = { id: string; enabled: boolean }

function compareRow<Row extends Rowlike>(
  { changes }: Comparison,
  what: CatalogueChange['what'],
  rows: Row[],
  present: Row | undefined,
  wanted: Row,
  name: string,
): void {
  const change = changeOf(what, name, present, wanted)
  if (!change) return
  rows.push(wanted)
  changes.push(change)
}

function priceless<Row extends { price: unknown }>({ price: _, ...row }: Row): Omit<Row, 'price'> {
  return row
}

type RouteRow = Omit<RouteState, 'price'>
type ListedRoute = ListedModel['routes'][number]

function routeOf(listed: ListedRoute, model: ListedModel): Omit<RouteRow, 'id'> {
  const { provider: upstreamId, upstreamModel = model.id, price: _, cost = null, ...rest } = listed
  return { ...rest, modelId: model.id, upstreamId, upstreamModel, cost: cost === 'list' ? model.price : cost }
}

type RouteIdentity = Pick<RouteRow, 'modelId' | 'upstreamId' | 'upstreamModel' | 'region'>

function identityOf({ modelId, upstreamId, upstreamModel, region }: RouteIdentity): string {
  return JSON.stringify([modelId, upstreamId, upstreamModel, region])
}

function nameOf({ modelId, upstreamId, upstreamModel, region }: RouteIdentity): string {
  return `${modelId} -> ${upstreamId}: ${upstreamModel}${region === null ? '' : ` (${region})`}`
}

function changeOf<Row extends Rowlike>(
  what: CatalogueChange['what'],
  id: string,
  present: Row | undefined,
  wanted: Row,
): CatalogueChange | null {
  if (!present) return { what, id, change: 'added', fields: [] }
  const [before, after] = [new Map(leavesOf(present)), new Map(leavesOf(wanted))]
  const fields = [...new Set([...before.keys(), ...after.keys()])]
    .map((field) => ({ field, from: before.get(field) ?? 'null', to: after.get(field) ?? 'null' }))
    .filter(({ from, to }) => from !== to)
  if (fields.length === 0) return null
  return { what, id, change: present.enabled && !wanted.enabled ? 'disabled' : 'changed', fields }
}

/** Each value in JSON by its path, such as `cost.inputPicos`, whatever the order in which a file or Postgres keeps members. */
function leavesOf(value: unknown, path: string[] = []): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path.join('.'), JSON.stringify(value)]]
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...path, name]))
}

interface Priced {
  modelId: string
  routeId: string | null
  /** The route as people read it; null for the model's price. */
  route: string | null
}

function comparePrice({ writes, prices }: Comparison, present: Price | null, wanted: Price, { modelId, routeId, route }: Priced): void {
  const before = present && amountsOf(present)
  const after = amountsOf(wanted)
  const changes = [...new Set([...(before?.keys() ?? []), ...after.keys()])]
    .map((name) => ({ name, from: before?.get(name) ?? null, to: after.get(name) ?? null }))
    .filter(({ from, to }) => from !== to)
  if (before && changes.length === 0) return
  writes.prices.push({ id: newId('prc'), modelId, routeId, price: wanted })
  if (!before) return
  for (const { name, from, to } of changes) {
    prices.push({ modelId, route, name, from, to, percent: from && to ? Math.floor((to * 100) / from) : null })
  }
}
