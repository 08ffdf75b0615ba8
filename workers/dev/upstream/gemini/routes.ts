import type { Dialect } from '../dialect.ts'
import type { Exchange } from '../exchange.ts'
import { type JsonObject, parseObject } from '../json-body.ts'
import { answerCountTokens } from './count-tokens.ts'
import { answerBatchEmbedContents, answerEmbedContent } from './embeddings.ts'
import {
  type GoogleError,
  internalError,
  invalidArgument,
  missingKey,
  relayLeak,
  scriptedFailure,
  unreadableBody,
  wrongKey,
  wrongToken,
} from './errors.ts'
import { answerGenerate } from './generate.ts'
import { answerModel, answerModels } from './models.ts'
import { answerError, answerNotFound, type Call } from './replies.ts'

type Method = (call: Call, body: JsonObject) => Promise<void>

const streamMethod = 'streamGenerateContent'
const methods: Readonly<Record<string, Method>> = {
  generateContent: answerGenerate,
  [streamMethod]: answerGenerate,
  countTokens: answerCountTokens,
  embedContent: answerEmbedContent,
  batchEmbedContents: answerBatchEmbedContents,
}
const maxBodyBytes = 64 * 1024 * 1024

/**
 * Google's API as seen under `/gemini`: paths below are what the real host serves. Its versions take the same requests
 * here; the official client asks for `v1` unless told otherwise.
 */
export const geminiDialect: Dialect = {
  prefix: '/gemini',
  ownHeaders: ['x-goog-api-key'],
  ownQueries: ['alt=sse'],
  refuseLeaks,
  reportFault: (exchange) => answerError(exchange, internalError, 'sse-crlf'),
  async answer(exchange, path, key) {
    const verb = exchange.request.method
    const [, version = '', rest = ''] = /^\/(v1|v1beta)\/models(.*)$/.exec(path) ?? []
    const [, model = '', name = ''] = /^\/([^/:]+):([A-Za-z]+)$/.exec(rest) ?? []
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    const given = String(exchange.request.headers['x-goog-api-key'] ?? '')
    const isSse = exchange.request.url?.includes('?') === true
    if (isSse && name !== streamMethod) return refuseLeaks(exchange, ['query'])
    if (method && verb === 'POST') {
      exchange.record.model = model
      exchange.record.stream = name === streamMethod
      const format = exchange.record.stream && !isSse ? 'array' : 'sse-crlf'
      const error = judgeKey(exchange, given, key)
      return error ? answerError(exchange, error, format) : answerMethod({ exchange, version, model, key: given, format }, method)
    }
    const modelId = /^\/([^/:]+)$/.exec(rest)?.[1]
    const isKnown = version !== '' && (rest === '' || modelId !== undefined)
    if (!isKnown || verb !== 'GET') return answerNotFound(exchange)
    const error = judgeKey(exchange, given, key)
    if (error) return answerError(exchange, error, 'sse-crlf')
    return modelId === undefined ? answerModels(exchange) : answerModel(exchange, version, modelId)
  },
}

/** A query that one method takes is a leak in all others, which the server cannot know. */
function refuseLeaks(exchange: Exchange, leaks: readonly string[]): void {
  exchange.record.leaks = [...leaks]
  answerError(exchange, relayLeak(leaks), 'sse-crlf')
}

function judgeKey(exchange: Exchange, given: string, platformKey: string): GoogleError | null {
  const { authorization } = exchange.request.headers
  if (given === '') return authorization === undefined || authorization === '' ? missingKey : wrongToken
  const { state, retryAfterSeconds } = exchange.judgeKey(given, platformKey)
  if (state === 'revoked') return wrongKey
  return state === 'rate_limited' ? scriptedFailure('rate-limited', retryAfterSeconds, 'all models', given) : null
}

async function answerMethod(call: Call, method: Method): Promise<void> {
  const { exchange, model, format } = call
  const contentType = exchange.request.headers['content-type'] ?? ''
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(contentType)) {
    return answerError(exchange, invalidArgument(`Unsupported content type: ${JSON.stringify(contentType)}.`), format)
  }
  const bytes = await exchange.readBody(() => refuseEarly(exchange, model), maxBodyBytes)
  if (bytes === 'left') return
  if (bytes === 'too-large') {
    return answerError(exchange, invalidArgument(`Request payload size exceeds the limit: ${maxBodyBytes} bytes.`), format)
  }
  const body = parseObject(bytes)
  return body ? method(call, body) : answerError(exchange, unreadableBody, format)
}

/** The one behaviour that is chosen before the body is read: the socket is reset on its first bytes. */
function refuseEarly(exchange: Exchange, model: string): void {
  if (model !== 'scripted-refuse') return
  exchange.record.behaviour = 'refuse'
  exchange.cut(true)
}
