import { type Catalogue, type CatalogueModel, readCatalogue } from '#db/queries/read-catalogue.ts'
import { pricesJump } from '#shared/pricing/price-jump.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Surroundings } from '../env.ts'
import { catalogueFreshMs, catalogueModels, catalogueRoutes, catalogueUsableMs } from '../limits.ts'
import { unavailable } from '../unavailable.ts'
import { nearNames } from './near-names.ts'

/** The models that can be served. */
export interface Models {
  /** By id or alias. */
  get(name: string): CatalogueModel | undefined
  list(): CatalogueModel[]
  /** Up to three ids that resemble a name that nobody knows. */
  near(name: string): string[]
}

let known: { catalogue: Catalogue; models: Models; readAtMs: number } | undefined
let triedAtMs = 0

/** The models for sale, kept in the isolate; read again in the background when no longer fresh, and used on when Postgres is away. */
export async function catalogue(surroundings: Surroundings, waitUntil: (work: Promise<unknown>) => void): Promise<Models> {
  const nowMs = Date.now()
  if (!known || nowMs - known.readAtMs > catalogueUsableMs) {
    return read(surroundings).catch((error: unknown) => {
      logFailure('catalogue_read_failed', error)
      throw unavailable()
    })
  }
  if (nowMs - Math.max(known.readAtMs, triedAtMs) > catalogueFreshMs) {
    triedAtMs = nowMs
    waitUntil(read(surroundings).catch((error: unknown) => logFailure('catalogue_read_failed', error)))
  }
  return known.models
}

/** Reads the catalogue; one that cannot be meant is not taken, and the last good one then stays for as long as that is so. */
async function read(surroundings: Surroundings): Promise<Models> {
  const next = await readCatalogue(surroundings.db)
  if (next.broken.length > 0) logFailure('catalogue_models_broken', new Error(next.broken.slice(0, 10).join(', ')))
  const objection = objectionTo(next, known?.catalogue)
  if (objection === null) known = { catalogue: next, models: modelsOf(next.models), readAtMs: Date.now() }
  else if (known) {
    logFailure('catalogue_refused', new Error(objection))
    known.readAtMs = Date.now()
  } else throw new Error(objection)
  return known.models
}

/**
 * Why a catalogue cannot be meant: too large, or most models are gone or have prices that jump. A forced import since the last good one says that they
 * are meant after all; an isolate that knows no last good one has nothing to compare with, and only the ranges of single prices hold there.
 */
export function objectionTo(next: Catalogue, lastGood: Catalogue | undefined): string | null {
  const routes = next.models.reduce((sum, model) => sum + model.routes.length, 0)
  if (next.models.length > catalogueModels || routes > catalogueRoutes) return `${next.models.length} models with ${routes} routes`
  if (!lastGood || next.forcedImportId !== lastGood.forcedImportId) return null
  const prices = new Map(next.models.map(({ id, price }) => [id, price]))
  let gone = 0
  let jumping = 0
  for (const { id, price } of lastGood.models) {
    const nextPrice = prices.get(id)
    if (!nextPrice) gone += 1
    else if (pricesJump(price, nextPrice)) jumping += 1
  }
  const all = lastGood.models.length
  if (gone * 2 > all) return `${gone} of ${all} models are gone`
  if (jumping * 2 > all - gone) return `prices of ${jumping} of ${all - gone} models jump`
  return null
}

/** What can be served of it: models that have a route. An alias that names another model too would make a request's price a matter of luck. */
export function modelsOf(models: CatalogueModel[]): Models {
  const served = models.filter((model) => model.routes.length > 0)
  const byName = new Map(served.map((model) => [model.id, model]))
  const taken = new Set(models.map(({ id }) => id))
  for (const model of served) {
    for (const alias of model.aliases) {
      if (taken.has(alias)) logFailure('catalogue_alias_ignored', new Error(`${alias} of ${model.id}`))
      else byName.set(alias, model)
      taken.add(alias)
    }
  }
  const near = nearNames([...byName].map(([name, { id }]) => ({ name, id })))
  return { get: (name) => byName.get(name), list: () => served, near }
}
