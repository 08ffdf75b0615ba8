import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { DialectName, ModelKind, UpstreamKind } from '#shared/contracts/dialect.ts'
import { Price } from '#shared/pricing/cost.ts'
import { assert } from '#shared/values/assert.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

const UpstreamState = z.object({
  id: z.string(),
  kind: UpstreamKind,
  baseUrl: z.string(),
  credential: z.string(),
  byok: z.string().nullable(),
  enabled: z.boolean(),
})
export type UpstreamState = z.infer<typeof UpstreamState>

const ModelState = z.object({
  id: z.string(),
  kind: ModelKind,
  aliases: z.array(z.string()),
  owner: z.string().nullable(),
  displayName: z.string().nullable(),
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  tokenizer: z.enum(['o200k_base', 'unknown']),
  enabled: z.boolean(),
  /** Null when it has never had one. */
  price: Price.nullable(),
})
export type ModelState = z.infer<typeof ModelState>

const RouteState = z.object({
  id: z.string(),
  modelId: z.string(),
  upstreamId: z.string(),
  upstreamModel: z.string(),
  dialects: z.array(DialectName),
  region: z.string().nullable(),
  priority: z.int(),
  weight: z.int(),
  enabled: z.boolean(),
  cost: Price.nullable(),
  /** Its own price, where it has one. */
  price: Price.nullable(),
})
export type RouteState = z.infer<typeof RouteState>

const CatalogueState = z.object({
  /** Zero before the first. */
  lastImportId: z.int(),
  upstreams: z.array(UpstreamState),
  models: z.array(ModelState),
  routes: z.array(RouteState),
})
export type CatalogueState = z.infer<typeof CatalogueState>

/** All of the catalogue at one moment, what is switched off included: what an import is compared with. */
export async function readCatalogueState(db: Db): Promise<CatalogueState> {
  const [row] = await readRows(db, stateStatement, z.object({ state: CatalogueState }))
  assert(row, 'an aggregate has a row')
  return row.state
}

const priceOf = (condition: string) =>
  sql.raw(`(
      select jsonb_build_object(
        'inputPicos', p.input_picos, 'cacheReadPicos', p.cache_read_picos, 'cacheWrite5mPicos', p.cache_write_5m_picos,
        'cacheWrite1hPicos', p.cache_write_1h_picos, 'outputPicos', p.output_picos, 'units', p.units
      ) from price_versions p where ${condition} and p.effective_at <= now() order by p.effective_at desc limit 1
    )`)

const stateStatement = sql`
  select jsonb_build_object(
    'lastImportId', (select coalesce(max(id), 0) from catalogue_imports),
    'upstreams', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', u.id, 'kind', u.kind, 'baseUrl', u.base_url, 'credential', u.credential, 'byok', u.byok, 'enabled', u.enabled
      ) order by u.id), '[]') from upstreams u
    ),
    'models', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', m.id, 'kind', m.kind, 'aliases', m.aliases, 'owner', m.owner, 'displayName', m.display_name,
        'contextTokens', m.context_tokens, 'maxOutputTokens', m.max_output_tokens, 'tokenizer', m.tokenizer, 'enabled', m.enabled,
        'price', ${priceOf('p.model_id = m.id and p.route_id is null')}
      ) order by m.id), '[]') from models m
    ),
    'routes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', r.id, 'modelId', r.model_id, 'upstreamId', r.upstream_id, 'upstreamModel', r.upstream_model, 'dialects', r.dialects,
        'region', r.region, 'priority', r.priority, 'weight', r.weight, 'enabled', r.enabled, 'cost', r.cost,
        'price', ${priceOf('p.route_id = r.id')}
      ) order by r.model_id, r.upstream_id, r.upstream_model, r.region), '[]') from routes r
    )
  ) as state`
