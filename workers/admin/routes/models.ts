import { Hono } from 'hono'
import { type CatalogueModel, readCatalogue } from '#db/queries/read-catalogue.ts'
import { ModelList } from '#shared/contracts/model.ts'
import type { AdminContext } from '../env.ts'

export const modelRoutes = new Hono<AdminContext>().get('/', async (c) => {
  const { models } = await readCatalogue(c.var.surroundings.db)
  return c.json(ModelList.parse({ models: models.map(entryOf) }))
})

/** The contract strips what is not for showing: the addresses and credential names of routes. */
function entryOf(model: CatalogueModel) {
  return { ...model, modelId: model.id, priceVersionId: model.price.priceVersionId }
}
