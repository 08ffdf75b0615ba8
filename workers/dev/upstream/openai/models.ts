import { listModels, scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import { embeddingModel } from './embeddings.ts'
import { invalidRequest } from './errors.ts'
import { answerError, answerJson } from './replies.ts'

const createdSeconds = 1_735_689_600

function describeModel(id: string): { id: string; object: 'model'; created: number; owned_by: string } {
  return { id, object: 'model', created: createdSeconds, owned_by: 'scripted' }
}

/** GET /v1/models: every behaviour without its parameter, and the embedding model. */
export function answerModels(exchange: Exchange): void {
  answerJson(exchange, JSON.stringify({ object: 'list', data: [...listModels(), embeddingModel].map(describeModel) }))
}

/** GET /v1/models/{id}. */
export function answerModel(exchange: Exchange, id: string): void {
  exchange.record.model = id
  if (id === embeddingModel || scriptOf(id)) answerJson(exchange, JSON.stringify(describeModel(id)))
  else answerError(exchange, invalidRequest(`The model '${id}' does not exist`, 'model', 'model_not_found', 404))
}
