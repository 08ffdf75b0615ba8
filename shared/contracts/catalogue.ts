import { z } from 'zod'
import { ListPrice } from '../pricing/list-price.ts'
import { DisplayName } from '../values/display-name.ts'
import { DialectName, ModelKind, UpstreamKind } from './dialect.ts'
import { ByokProvider, openaiCompatible } from './provider-credential.ts'

/** Names what stands in paths, logs and JSON: no `..` that would climb in a path, and no colon, which ends a model's name in one of Gemini's. */
const Name = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][\w.@-]*(\/[A-Za-z0-9][\w.@-]*)*$/, 'letters, digits and . _ @ - only, in parts between slashes')

/** A constant of the route table, so nothing that could carry a secret or swallow the path that is added to it. */
const BaseUrl = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .regex(/^[^?#@]+[^/?#@]$/, 'must have no user, query or fragment, and no slash at its end')

export const ListedProvider = z
  .strictObject({
    id: Name,
    kind: UpstreamKind,
    baseUrl: BaseUrl,
    credential: Name,
    /** Whose keys customers may bring along to it; null takes none but ours. */
    byok: ByokProvider.nullable().default(null),
    enabled: z.boolean().default(true),
  })
  .refine(({ byok }) => byok !== openaiCompatible, { path: ['byok'], message: 'names every provider that nobody else names' })
  // A CLIProxyAPI is ours, and would take a customer's key for one of its own.
  .refine(({ kind, byok }) => kind !== 'cliproxyapi' || byok === null, { path: ['byok'], message: 'is not for a CLIProxyAPI' })
export type ListedProvider = z.infer<typeof ListedProvider>

const ListedRoute = z.strictObject({
  provider: Name,
  /** The model's own id where the provider calls it the same. */
  upstreamModel: Name.optional(),
  dialects: z.array(DialectName).min(1),
  region: Name.nullable().default(null),
  priority: z.int().min(0).max(1_000).default(0),
  weight: z.int().min(1).max(1_000).default(1),
  enabled: z.boolean().default(true),
  /** What customers pay on this route, where that is not the model's price. */
  price: ListPrice.optional(),
  /** What the provider charges us: `list` is the model's price; absent when nobody knows. */
  cost: z.union([z.literal('list'), ListPrice]).optional(),
})

export const ListedModel = z.strictObject({
  id: Name,
  kind: ModelKind,
  aliases: z.array(Name).max(16).default([]),
  owner: Name.nullable().default(null),
  displayName: DisplayName.nullable().default(null),
  contextTokens: z.int().min(1).max(100_000_000),
  maxOutputTokens: z.int().min(0).max(100_000_000),
  tokenizer: z.enum(['o200k_base', 'unknown']).default('unknown'),
  enabled: z.boolean().default(true),
  price: ListPrice,
  routes: z.array(ListedRoute).max(16),
})
export type ListedModel = z.infer<typeof ListedModel>

/** The file of `relay catalogue import`, as db/catalogue/README.md explains it. Parsed, every price is a `Price` in picos and nanos. */
export const CatalogueFile = z
  .strictObject({
    complete: z.boolean().default(false),
    providers: z.array(ListedProvider).max(64),
    models: z.array(ListedModel).max(1_000),
  })
  .superRefine(({ providers, models }, context) => {
    const tell: Tell = (path, message) => context.addIssue({ code: 'custom', path, message })
    const repeated = firstSeen()
    for (const [at, { id }] of providers.entries()) if (repeated(`provider ${id}`)) tell(['providers', at, 'id'], `${id} stands here twice`)
    for (const [at, { id }] of models.entries()) if (repeated(id)) tell(['models', at, 'id'], `${id} stands here twice`)
    for (const [at, { aliases }] of models.entries())
      for (const alias of aliases) if (repeated(alias)) tell(['models', at, 'aliases'], `${alias} names another model already`)
    const known = new Set(providers.map(({ id }) => id))
    for (const [at, model] of models.entries())
      tellRoutes(model, known, (path, message) => tell(['models', at, 'routes', ...path], message))
  })
export type CatalogueFile = z.infer<typeof CatalogueFile>

type Tell = (path: PropertyKey[], message: string) => void

function tellRoutes({ id, routes }: ListedModel, providers: Set<string>, tell: Tell): void {
  const repeated = firstSeen()
  for (const [at, { provider, upstreamModel = id, region }] of routes.entries()) {
    if (!providers.has(provider)) tell([at, 'provider'], `${provider} is no provider of this file`)
    if (repeated(JSON.stringify([provider, upstreamModel, region]))) tell([at], 'an earlier route has the same provider, model and region')
  }
}

/** Tells of each name whether it was asked about before. */
function firstSeen(): (name: string) => boolean {
  const seen = new Set<string>()
  return (name) => seen.size === seen.add(name).size
}
