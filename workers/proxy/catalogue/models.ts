import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { Family } from '#shared/contracts/dialect.ts'
import { authenticate } from '../caller/authenticate.ts'
import type { Exchange } from '../exchange.ts'
import { catalogue } from './catalogue.ts'
import { unknownModel } from './unknown-model.ts'

/** `GET /v1/models` and `GET /v1beta/models`, as each family's clients expect it. All models are on one page. */
export async function listModels(exchange: Exchange): Promise<Response> {
  await authenticate(exchange)
  const models = (await catalogue(exchange.surroundings, exchange.waitUntil)).list()
  return Response.json(listOf[exchange.family](models))
}

/** One model by its id or another of its names; throws 404. */
export async function showModel(exchange: Exchange, name: string): Promise<Response> {
  await authenticate(exchange)
  const models = await catalogue(exchange.surroundings, exchange.waitUntil)
  const model = models.get(name)
  if (!model) throw unknownModel(name, models)
  return Response.json(entryOf[exchange.family](model))
}

const entryOf: Record<Family, (model: CatalogueModel) => object> = {
  openai: ({ id, createdAtMs, owner }) => ({
    id,
    object: 'model',
    created: Math.floor(createdAtMs / 1_000),
    owned_by: owner ?? 'rocket-relay',
  }),
  anthropic: ({ id, createdAtMs, displayName, contextTokens, maxOutputTokens }) => ({
    type: 'model',
    id,
    display_name: displayName ?? id,
    created_at: new Date(createdAtMs).toISOString(),
    max_input_tokens: contextTokens,
    max_tokens: maxOutputTokens,
  }),
  gemini: ({ id, displayName, contextTokens, maxOutputTokens, kind, routes }) => ({
    name: `models/${id}`,
    displayName: displayName ?? id,
    inputTokenLimit: contextTokens,
    outputTokenLimit: maxOutputTokens,
    supportedGenerationMethods: routes.some(({ dialects }) => dialects.some((dialect) => dialect.startsWith('gemini-')))
      ? geminiMethodsOf(kind)
      : [],
  }),
}

function geminiMethodsOf(kind: CatalogueModel['kind']): string[] {
  return kind === 'embeddings' ? ['embedContent', 'batchEmbedContents'] : ['generateContent', 'streamGenerateContent', 'countTokens']
}

const listOf: Record<Family, (models: CatalogueModel[]) => object> = {
  openai: (models) => ({ object: 'list', data: models.map(entryOf.openai) }),
  anthropic: (models) => ({
    data: models.map(entryOf.anthropic),
    has_more: false,
    first_id: models[0]?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  }),
  gemini: (models) => ({ models: models.map(entryOf.gemini) }),
}
