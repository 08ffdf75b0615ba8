import { z } from 'zod'
import { Price } from '../pricing/cost.ts'
import { DialectName, ModelKind } from './dialect.ts'

/** A model that is for sale, and who serves it in which order. Neither addresses nor credentials of upstreams are shown. */
export const CatalogueEntry = z.object({
  modelId: z.string(),
  kind: ModelKind,
  aliases: z.array(z.string()),
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  price: Price,
  priceVersionId: z.string(),
  routes: z.array(
    z.object({
      routeId: z.string(),
      upstream: z.string(),
      upstreamModel: z.string(),
      dialects: z.array(DialectName),
      region: z.string().nullable(),
      priority: z.int(),
      weight: z.int(),
      isUp: z.boolean(),
    }),
  ),
})
export type CatalogueEntry = z.infer<typeof CatalogueEntry>

export const ModelList = z.object({ models: z.array(CatalogueEntry) })
export type ModelList = z.infer<typeof ModelList>
