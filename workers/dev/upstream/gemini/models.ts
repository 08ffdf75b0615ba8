import { listModels, scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import { embeddingModel } from './embeddings.ts'
import type { GoogleError } from './errors.ts'
import { answerError, answerJson } from './replies.ts'

const embedMethods = ['embedContent', 'countTextTokens', 'countTokens']
const generateMethods = ['generateContent', 'countTokens', 'createCachedContent', 'batchGenerateContent']

function describeModel(id: string): Record<string, unknown> {
  const isEmbedding = id === embeddingModel
  return {
    name: `models/${id}`,
    version: '001',
    displayName: id,
    description: 'A scripted model',
    inputTokenLimit: 1_048_576,
    outputTokenLimit: isEmbedding ? 1 : 200_000,
    supportedGenerationMethods: isEmbedding ? embedMethods : generateMethods,
    ...(isEmbedding ? {} : { temperature: 1, topP: 0.95, topK: 64, maxTemperature: 2, thinking: true }),
  }
}

/** GET /{version}/models: every behaviour without its parameter, and the embedding model, on one page. */
export function answerModels(exchange: Exchange): void {
  answerJson(exchange, { models: [...listModels(), embeddingModel].map(describeModel) })
}

/** GET /{version}/models/{model}. */
export function answerModel(exchange: Exchange, version: string, id: string): void {
  exchange.record.model = id
  if (id === embeddingModel || scriptOf(id)) answerJson(exchange, describeModel(id))
  else answerError(exchange, unknownModel(version, id), 'sse-crlf')
}

function unknownModel(version: string, id: string): GoogleError {
  return { code: 404, message: `Model is not found: models/${id} for api version ${version}`, status: 'NOT_FOUND' }
}
