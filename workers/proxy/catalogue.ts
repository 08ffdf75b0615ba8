import { type CatalogueModel, readCatalogue } from '#db/queries/read-catalogue.ts'
import { logFailure } from '#workers/edge/log.ts'
import type { Surroundings } from './env.ts'
import { catalogueFreshMs, catalogueUsableMs } from './limits.ts'
import { unavailable } from './unavailable.ts'

/** What is for sale. A model is found by its id or another of its names. */
export interface Models {
  get(name: string): CatalogueModel | undefined
  list(): CatalogueModel[]
}

let known: { models: Models; readAtMs: number } | undefined
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

/** Reads the catalogue and keeps of it what can be served: models that have a route. */
async function read(surroundings: Surroundings): Promise<Models> {
  const { models } = await readCatalogue(surroundings.db)
  const served = models.filter((model) => model.routes.length > 0)
  const named = new Map([
    ...served.flatMap((model) => model.aliases.map((alias) => [alias, model] as const)),
    ...served.map((model) => [model.id, model] as const),
  ])
  known = { models: { get: (name) => named.get(name), list: () => served }, readAtMs: Date.now() }
  return known.models
}
