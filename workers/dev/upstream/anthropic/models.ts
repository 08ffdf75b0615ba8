import { listModels, scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import { notFound } from './errors.ts'
import { answerError, answerJson } from './replies.ts'

/** GET /v1/models: every behaviour without its parameter, on one page. */
export function answerModels(exchange: Exchange): void {
  const data = listModels().map(describeModel)
  answerJson(exchange, { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null })
}

/** GET /v1/models/{id}. */
export function answerModel(exchange: Exchange, id: string): void {
  exchange.record.model = id
  if (scriptOf(id)) answerJson(exchange, describeModel(id))
  else answerError(exchange, notFound(`model: ${id}`))
}

function describeModel(id: string): { id: string } & Record<string, unknown> {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: '2025-01-01T00:00:00Z',
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
    line: null,
    retires_at: null,
  }
}
