import { z } from 'zod'
import { CatalogueFile } from './catalogue.ts'

/** `force` lets absurd changes pass, `dryRun` changes nothing and tells what would. */
export const NewCatalogueImport = z.strictObject({
  catalogue: CatalogueFile,
  force: z.boolean().default(false),
  dryRun: z.boolean().default(false),
})
export type NewCatalogueImport = z.infer<typeof NewCatalogueImport>

/** A provider, model or route that is new, changed or switched off; values as JSON writes them. */
export const CatalogueChange = z.object({
  what: z.enum(['provider', 'model', 'route']),
  /** Of a route: model, provider, its model and region. */
  id: z.string(),
  change: z.enum(['added', 'changed', 'disabled']),
  fields: z.array(z.object({ field: z.string(), from: z.string(), to: z.string() })),
})
export type CatalogueChange = z.infer<typeof CatalogueChange>

/** One amount of a price; the end of its name is its unit. Null is not sold. */
export const PriceChange = z.object({
  modelId: z.string(),
  /** Null for the model's own price. */
  route: z.string().nullable(),
  name: z.string(),
  from: z.int().nullable(),
  to: z.int().nullable(),
  /** The new amount in hundredths of the old, rounded down; null where one of them is zero or none. */
  percent: z.int().nullable(),
})
export type PriceChange = z.infer<typeof PriceChange>

/** A change that nobody means: refused without force. */
export const Absurdity = z.object({ modelId: z.string().nullable(), detail: z.string() })
export type Absurdity = z.infer<typeof Absurdity>

export const CatalogueImportAnswer = z.object({
  outcome: z.enum(['applied', 'unchanged', 'dry_run']),
  changes: z.array(CatalogueChange),
  /** Of models and routes that had a price before. */
  prices: z.array(PriceChange),
  /** What needs force, or needed it. */
  absurd: z.array(Absurdity),
})
export type CatalogueImportAnswer = z.infer<typeof CatalogueImportAnswer>
