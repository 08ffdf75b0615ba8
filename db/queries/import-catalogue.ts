import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Price } from '#shared/pricing/cost.ts'
import type { Db } from '../client.ts'
import { postgresErrorOf, readRowsAtomically } from '../statements.ts'
import type { ModelState, RouteState, UpstreamState } from './read-catalogue-state.ts'

/** What an import writes: only rows that are new or differ, and a new version of each price that does. */
export interface CatalogueImport {
  /** The newest import that the comparison saw. */
  lastImportId: number
  forced: boolean
  actor: string
  upstreams: UpstreamState[]
  models: Omit<ModelState, 'price'>[]
  routes: Omit<RouteState, 'price'>[]
  prices: { id: string; modelId: string; routeId: string | null; price: Price }[]
}

/** Writes all of it in one transaction; `overtaken` and nothing written when another import came in between. */
export async function importCatalogue(db: Db, given: CatalogueImport): Promise<'imported' | 'overtaken'> {
  const { lastImportId, forced, actor } = given
  const recording = sql`insert into catalogue_imports (id, forced, actor) values (${lastImportId + 1}, ${forced}, ${actor})`
  const writing = [
    upserting(given.upstreams, upstreamColumns),
    upserting(given.models, modelColumns),
    upserting(given.routes, routeColumns),
  ]
  try {
    await readRowsAtomically(db, [recording, ...writing, pricing(given.prices)], z.unknown())
    return 'imported'
  } catch (error) {
    if (postgresErrorOf(error)?.constraint === 'catalogue_imports_pkey') return 'overtaken'
    throw error
  }
}

/** A table, and of each column its name, its type and the member it comes from. The first is the primary key. */
interface Columns<Row> {
  table: string
  columns: [string, string, keyof Row & string][]
}

const upstreamColumns: Columns<UpstreamState> = {
  table: 'upstreams',
  columns: [
    ['id', 'text', 'id'],
    ['kind', 'text', 'kind'],
    ['base_url', 'text', 'baseUrl'],
    ['credential', 'text', 'credential'],
    ['byok', 'text', 'byok'],
    ['enabled', 'boolean', 'enabled'],
  ],
}

const modelColumns: Columns<Omit<ModelState, 'price'>> = {
  table: 'models',
  columns: [
    ['id', 'text', 'id'],
    ['kind', 'text', 'kind'],
    ['aliases', 'text[]', 'aliases'],
    ['owner', 'text', 'owner'],
    ['display_name', 'text', 'displayName'],
    ['context_tokens', 'integer', 'contextTokens'],
    ['max_output_tokens', 'integer', 'maxOutputTokens'],
    ['tokenizer', 'text', 'tokenizer'],
    ['enabled', 'boolean', 'enabled'],
  ],
}

const routeColumns: Columns<Omit<RouteState, 'price'>> = {
  table: 'routes',
  columns: [
    ['id', 'text', 'id'],
    ['model_id', 'text', 'modelId'],
    ['upstream_id', 'text', 'upstreamId'],
    ['upstream_model', 'text', 'upstreamModel'],
    ['dialects', 'text[]', 'dialects'],
    ['region', 'text', 'region'],
    ['priority', 'integer', 'priority'],
    ['weight', 'integer', 'weight'],
    ['enabled', 'boolean', 'enabled'],
    ['cost', 'jsonb', 'cost'],
  ],
}

function upserting<Row>(rows: Row[], { table, columns }: Columns<Row>): SQL {
  const names = columns.map(([name]) => name)
  const definitions = columns.map(([, type, member]) => `"${member}" ${type}`)
  const members = columns.map(([, , member]) => `g."${member}"`)
  const updates = names.slice(1).map((name) => `${name} = excluded.${name}`)
  return sql`
    insert into ${sql.raw(`${table} (${names})`)}
    select ${sql.raw(`${members}`)} from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as g(${sql.raw(`${definitions}`)})
    on conflict (id) do update set ${sql.raw(`${updates}`)}`
}

function pricing(prices: CatalogueImport['prices']): SQL {
  const rows = prices.map(({ id, modelId, routeId, price }) => ({ id, modelId, routeId, ...price, units: price.units ?? {} }))
  return sql`
    insert into price_versions (
      id, model_id, route_id, input_picos, cache_read_picos, cache_write_5m_picos, cache_write_1h_picos, output_picos, units
    )
    select g.id, g."modelId", g."routeId", g."inputPicos", g."cacheReadPicos", g."cacheWrite5mPicos", g."cacheWrite1hPicos", g."outputPicos", g.units
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as g(
      id text, "modelId" text, "routeId" text, "inputPicos" bigint, "cacheReadPicos" bigint, "cacheWrite5mPicos" bigint,
      "cacheWrite1hPicos" bigint, "outputPicos" bigint, units jsonb
    )`
}
