import { z } from 'zod'
import { Price } from '../../pricing/cost.ts'
import { ModelKind } from '../dialect.ts'
import { operation } from './operation.ts'

/** A model that is for sale. Prices are those of `Price`, without what a route may charge besides. */
export const SoldModel = z.object({
  modelId: z.string(),
  displayName: z.string().nullable(),
  owner: z.string().nullable(),
  kind: ModelKind,
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  price: Price,
})
export type SoldModel = z.infer<typeof SoldModel>

export const modelOperations = {
  list: operation({
    id: 'models.list',
    method: 'GET',
    path: '/api/models',
    access: 'person',
    summary: 'The models for sale with their prices, in order of id',
    description: 'Prices of tokens are pico-dollars each, which is micro-dollars per million; prices of pieces are nano-dollars.',
    answer: z.object({ data: z.array(SoldModel) }),
  }),
}
