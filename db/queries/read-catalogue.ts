import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { DialectName, ModelKind, UpstreamKind } from '#shared/contracts/dialect.ts'
import { Price } from '#shared/pricing/cost.ts'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

export const VersionedPrice = Price.extend({ priceVersionId: z.string() })
export type VersionedPrice = z.infer<typeof VersionedPrice>

const CatalogueRoute = z.object({
  routeId: z.string(),
  upstream: z.string(),
  kind: UpstreamKind,
  baseUrl: z.string(),
  /** Name of an entry in the Worker's secret UPSTREAM_CREDENTIALS. */
  credential: z.string(),
  /** Whose keys customers may bring along instead; null takes none but ours. */
  byok: z.string().nullable(),
  upstreamModel: z.string(),
  dialects: z.array(DialectName),
  region: z.string().nullable(),
  priority: z.int(),
  weight: z.int().min(1),
  /** Its own price, where it has one. */
  price: VersionedPrice.nullable(),
  /** What the upstream charges us; null when nobody knows. */
  cost: Price.nullable(),
  /** False when the last check found that it does not serve this model. */
  isUp: z.boolean(),
})
export type CatalogueRoute = z.infer<typeof CatalogueRoute>

const CatalogueModel = z.object({
  id: z.string(),
  kind: ModelKind,
  aliases: z.array(z.string()),
  owner: z.string().nullable(),
  displayName: z.string().nullable(),
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  tokenizer: z.enum(['o200k_base', 'unknown']),
  createdAtMs: z.int(),
  price: VersionedPrice,
  /** In order of priority; empty when every route or upstream is switched off. */
  routes: z.array(CatalogueRoute),
})
export type CatalogueModel = z.infer<typeof CatalogueModel>

export interface Catalogue {
  models: CatalogueModel[]
  /** Models that do not parse: they are not for sale, and do not hide the others. */
  broken: string[]
  /** The newest import that was forced; zero before the first. */
  forcedImportId: number
}

/** Every enabled model that has a price by now, with its enabled routes. A model without a price is not for sale, never free. */
export async function readCatalogue(db: Db): Promise<Catalogue> {
  const [row] = await readRows(db, catalogueStatement, z.object({ models: z.array(z.unknown()), forcedImportId: z.int() }))
  assert(row, 'an aggregate has a row')
  const catalogue: Catalogue = { models: [], broken: [], forcedImportId: row.forcedImportId }
  for (const candidate of row.models) {
    const model = CatalogueModel.safeParse(candidate)
    if (model.success) catalogue.models.push(model.data)
    else catalogue.broken.push(Named.safeParse(candidate).data?.id ?? 'unknown')
  }
  return catalogue
}

const Named = z.object({ id: z.string() })

/** A `VersionedPrice` of the row `p` of `price_versions`. */
export const priceObject = sql.raw(`jsonb_build_object(
      'priceVersionId', p.id, 'inputPicos', p.input_picos, 'cacheReadPicos', p.cache_read_picos, 'cacheWrite5mPicos', p.cache_write_5m_picos,
      'cacheWrite1hPicos', p.cache_write_1h_picos, 'outputPicos', p.output_picos, 'units', p.units
    )`)

const catalogueStatement = sql`
  select (select coalesce(max(id), 0) from catalogue_imports where forced) as "forcedImportId", coalesce(jsonb_agg(jsonb_build_object(
    'id', m.id, 'kind', m.kind, 'aliases', m.aliases, 'owner', m.owner, 'displayName', m.display_name,
    'contextTokens', m.context_tokens, 'maxOutputTokens', m.max_output_tokens, 'tokenizer', m.tokenizer,
    'createdAtMs', floor(extract(epoch from m.created_at) * 1000),
    'price', ${priceObject},
    'routes', coalesce(served.routes, '[]')
  ) order by m.id), '[]') as models
  from models m
  cross join lateral (
    select * from price_versions v where v.model_id = m.id and v.route_id is null and v.effective_at <= now()
    order by v.effective_at desc limit 1
  ) p
  left join lateral (
    select jsonb_agg(jsonb_build_object(
      'routeId', r.id, 'upstream', u.id, 'kind', u.kind, 'baseUrl', u.base_url, 'credential', u.credential, 'byok', u.byok,
      'upstreamModel', r.upstream_model, 'dialects', r.dialects, 'region', r.region, 'priority', r.priority, 'weight', r.weight,
      'cost', r.cost, 'isUp', coalesce(h.state, 'up') = 'up', 'price', (
        select ${priceObject} from price_versions p where p.route_id = r.id and p.effective_at <= now() order by p.effective_at desc limit 1
      )
    ) order by r.priority, r.id) as routes
    from routes r join upstreams u on u.id = r.upstream_id left join route_health h on h.route_id = r.id
    where r.model_id = m.id and r.enabled and u.enabled
  ) served on true
  where m.enabled`
