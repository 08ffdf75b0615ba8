import type { StreamFormat } from '../delivery.ts'
import type { Dialect } from '../dialect.ts'
import type { Exchange } from '../exchange.ts'
import { type JsonObject, parseObject } from '../json-body.ts'
import { answerCountTokens } from './count-tokens.ts'
import { answerBatchEmbedContents, answerEmbedContent } from './embeddings.ts'
import { internalError, invalidArgument, missingKey, relayLeak, unreadableBody, wrongKey, wrongToken } from './errors.ts'
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
    const isSse = exchange.request.url?.includes('?') === true
    if (isSse && name !== streamMethod) return refuseLeaks(exchange, ['query'])
    if (method && verb === 'POST') {
      exchange.record.model = model
      exchange.record.stream = name === streamMethod
      const format = exchange.record.stream && !isSse ? 'array' : 'sse-crlf'
      return answerMethod({ exchange, version, model, key, format }, method)
    }
    const modelId = /^\/([^/:]+)$/.exec(rest)?.[1]
    const isKnown = version !== '' && (rest === '' || modelId !== undefined)
    if (!isKnown || verb !== 'GET') return answerNotFound(exchange)
    if (!judgeKey(exchange, key, 'sse-crlf')) return
    return modelId === undefined ? answerModels(exchange) : answerModel(exchange, version, modelId)
  },
}

/** A query that one method takes is a leak in all others, which the server cannot know. */
function refuseLeaks(exchange: Exchange, leaks: readonly string[]): void {
  exchange.record.leaks = [...leaks]
  answerError(exchange, relayLeak(leaks), 'sse-crlf')
}

function judgeKey(exchange: Exchange, key: string, format: StreamFormat): boolean {
  const { authorization, 'x-goog-api-key': given } = exchange.request.headers
  if (given === key) {
    exchange.record.headerSet.authorization = 'right'
    return true
  }
  const missing = authorization === undefined || authorization === '' ? missingKey : wrongToken
  answerError(exchange, given === undefined || given === '' ? missing : wrongKey, format)
  return false
}

async function answerMethod(call: Call, method: Method): Promise<void> {
  const { exchange, model, key, format } = call
  if (!judgeKey(exchange, key, format)) return
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
