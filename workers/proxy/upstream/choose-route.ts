import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { ApiError } from '#workers/edge/api-error.ts'

/** A route of the best priority, drawn by weight. `random` is in [0, 1). */
export function chooseRoute(model: CatalogueModel, random: number = Math.random()): CatalogueRoute {
  const best = Math.min(...model.routes.map((route) => route.priority))
  const candidates = model.routes.filter((route) => route.priority === best)
  let left = random * candidates.reduce((sum, route) => sum + route.weight, 0)
  for (const route of candidates) {
    left -= route.weight
    if (left < 0) return route
  }
  throw new ApiError('upstream_unavailable')
}
