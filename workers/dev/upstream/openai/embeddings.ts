import { type Script, scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { countWords, makeVector, seedOf } from '../text.ts'
import { arrayOf, type Check, checkTopLevel, integer, isString, oneOf, wrongType } from './checks.ts'
import { invalidRequest, type OpenAiError, unknownModel } from './errors.ts'
import { answerError, commonPart } from './replies.ts'

export const embeddingModel = 'scripted-embedding'

const usualDimensions = 1_536
const maxInputs = 2_048

type EmbeddingRequest = {
  model: string
  input: string | string[] | number[] | number[][]
  dimensions?: number | null
  encoding_format?: 'float' | 'base64' | null
}

const token = integer(0, 1_000_000)
const tokens = arrayOf(token, 1, 8_192)
const text: Check = (value, path) =>
  value === '' ? invalidRequest(`Invalid '${path}': input cannot be an empty string.`, 'input') : isString(value, path)

const input: Check = (value, path) => {
  if (typeof value === 'string') return text(value, path)
  if (!Array.isArray(value)) return wrongType(path, 'one of a string or array', value)
  if (typeof value[0] === 'number') return tokens(value, path)
  return arrayOf(Array.isArray(value[0]) ? tokens : text, 1, maxInputs)(value, path)
}

const parameters: Readonly<Record<string, Check>> = {
  model: isString,
  input,
  dimensions: integer(1, usualDimensions * 2),
  encoding_format: oneOf('float', 'base64'),
  user: isString,
}

/** POST /v1/embeddings. The behaviours of chat apply as far as they make sense without a stream. */
export async function answerEmbeddings(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = model === embeddingModel ? scriptOf('scripted-fast') : scriptOf(model)
  if (!script) return answerError(exchange, unknownModel(model))
  exchange.record.behaviour = script.name
  const error: OpenAiError | null = checkTopLevel(body, parameters, ['model', 'input'])
  if (error) return answerError(exchange, error)
  const request = readEmbedding(body)
  const inputs = listInputs(request.input)
  const promptTokens = inputs.reduce((sum, item) => sum + countTokens(item), 0)
  exchange.record.promptTokens = promptTokens
  const usage = reportPrompt(promptTokens, script)
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    stream: false,
    seed: seedOf(`${model}\n${JSON.stringify(request.input)}`),
    visibleTokens: 0,
    hiddenTokens: 0,
    usage,
    renderBody: () => renderEmbeddings(request, inputs, usage),
    renderEvents: () => [],
  })
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
function readEmbedding(body: JsonObject): EmbeddingRequest {
  return body as unknown as EmbeddingRequest
}

function listInputs(value: EmbeddingRequest['input']): (string | number[])[] {
  if (typeof value === 'string') return [value]
  return value.every((item) => typeof item === 'number') ? [value] : value.filter((item) => typeof item !== 'number')
}

/** A word or a given token id is one token; text without any word is still one. */
function countTokens(item: string | number[]): number {
  return typeof item === 'string' ? Math.max(1, countWords(item)) : item.length
}

function reportPrompt(promptTokens: number, { behaviour }: Script): unknown {
  if (behaviour.usage === 'absent' || behaviour.usage === 'null') return null
  const reported = behaviour.usage === 'zero' ? 0 : promptTokens
  return { prompt_tokens: reported, total_tokens: reported }
}

function renderEmbeddings(request: EmbeddingRequest, inputs: (string | number[])[], usage: unknown): string {
  const data = inputs.map((item, index) => {
    const vector = makeVector(seedOf(`${request.model}\n${JSON.stringify(item)}`), request.dimensions ?? usualDimensions)
    const embedding = request.encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector)
    return { object: 'embedding', index, embedding }
  })
  return JSON.stringify({ object: 'list', data, model: request.model, ...(usage === null ? {} : { usage }) })
}
