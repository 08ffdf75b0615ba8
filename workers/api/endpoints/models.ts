import { readCatalogue } from '#db/queries/read-catalogue.ts'
import { modelOperations } from '#shared/contracts/api/models.ts'
import { endpoint } from '../endpoint.ts'

export const modelEndpoints = [
  endpoint(modelOperations.list, async ({ surroundings }) => {
    const { models } = await readCatalogue(surroundings.db)
    // A model without a route that is switched on serves nobody.
    return { data: models.filter(({ routes }) => routes.length > 0).map(({ id: modelId, ...model }) => ({ ...model, modelId })) }
  }),
]
