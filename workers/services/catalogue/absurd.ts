import type { CatalogueState } from '#db/queries/read-catalogue-state.ts'
import type { CatalogueFile } from '#shared/contracts/catalogue.ts'
import type { Absurdity, PriceChange } from '#shared/contracts/catalogue-import.ts'
import { isPriceJump } from '#shared/pricing/price-jump.ts'
import type { Comparison } from './compare.ts'

/** Everything in an import that nobody means, by the four rules that db/catalogue/README.md tells. */
export function absurditiesOf(state: CatalogueState, file: CatalogueFile, comparison: Comparison): Absurdity[] {
  return [
    ...jumps(comparison.prices),
    ...oddPrices(file, comparison),
    ...unserved(state, file, comparison),
    ...massDisabling(state, comparison),
  ]
}

function jumps(prices: PriceChange[]): Absurdity[] {
  return prices
    .filter(({ name, from, to }) => isAmount(name) && from !== null && to !== null && isPriceJump(from, to))
    .map(({ modelId, route, name, from, to }) => ({ modelId, detail: `${route ?? modelId}: ${name} goes from ${from} to ${to}` }))
}

/** The length from which on a context is long is a part of the price, but no money. */
function isAmount(name: string): boolean {
  return name !== 'longContext.aboveInputTokens'
}

function oddPrices(file: CatalogueFile, { writes }: Comparison): Absurdity[] {
  const chats = new Set(file.models.filter(({ kind }) => kind === 'chat').map(({ id }) => id))
  return writes.prices.flatMap(({ modelId, price: { inputPicos, cacheReadPicos, outputPicos } }) => {
    const odd: Absurdity[] = []
    if (chats.has(modelId) && outputPicos * 10 < inputPicos)
      odd.push({ modelId, detail: `${modelId}: output (${outputPicos}) costs less than a tenth of input (${inputPicos})` })
    if (cacheReadPicos > inputPicos)
      odd.push({ modelId, detail: `${modelId}: reading the cache (${cacheReadPicos}) costs more than input (${inputPicos})` })
    return odd
  })
}

function unserved(state: CatalogueState, file: CatalogueFile, { writes }: Comparison): Absurdity[] {
  const before = servedModels(state)
  const after = servedModels({
    upstreams: overlaid(state.upstreams, writes.upstreams),
    routes: overlaid(state.routes, writes.routes),
  })
  const named = new Set(file.models.map(({ id }) => id))
  return overlaid<{ id: string; enabled: boolean }>(state.models, writes.models)
    .filter(({ id, enabled }) => enabled && !after.has(id) && (named.has(id) || before.has(id)))
    .map(({ id }) => ({ modelId: id, detail: `${id}: is for sale, and no enabled route of an enabled provider serves it` }))
}

interface Serving {
  upstreams: { id: string; enabled: boolean }[]
  routes: { modelId: string; upstreamId: string; enabled: boolean }[]
}

function servedModels({ upstreams, routes }: Serving): Set<string> {
  const working = new Set(upstreams.filter(({ enabled }) => enabled).map(({ id }) => id))
  return new Set(routes.filter(({ enabled, upstreamId }) => enabled && working.has(upstreamId)).map(({ modelId }) => modelId))
}

function overlaid<Row extends { id: string }>(present: Row[], written: Row[]): Row[] {
  return [...new Map([...present, ...written].map((row) => [row.id, row])).values()]
}

function massDisabling(state: CatalogueState, { writes }: Comparison): Absurdity[] {
  const enabled = new Set(state.models.filter((model) => model.enabled).map(({ id }) => id))
  const disabled = writes.models.filter((model) => !model.enabled && enabled.has(model.id)).length
  if (disabled * 2 <= enabled.size) return []
  return [{ modelId: null, detail: `${disabled} of ${enabled.size} models would be switched off` }]
}
