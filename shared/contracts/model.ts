import { z } from 'zod'
import { Price } from '../pricing/cost.ts'

/** A model that is for sale, and who serves it in which order. Neither addresses nor credentials of upstreams are shown. */
export const CatalogueEntry = z.object({
  modelId: z.string(),
  kind: z.enum(['chat', 'embeddings']),
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  price: Price,
  priceVersionId: z.string(),
  routes: z.array(z.object({ routeId: z.string(), upstream: z.string(), upstreamModel: z.string(), priority: z.int(), weight: z.int() })),
})
export type CatalogueEntry = z.infer<typeof CatalogueEntry>

export const ModelList = z.object({ models: z.array(CatalogueEntry) })
export type ModelList = z.infer<typeof ModelList>
