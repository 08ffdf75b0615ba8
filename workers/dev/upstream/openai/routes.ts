import type { Dialect } from '../dialect.ts'
import type { Exchange } from '../exchange.ts'
import { type JsonObject, readJsonBody } from '../json-body.ts'
import { answerChat } from './chat.ts'
import { answerEmbeddings } from './embeddings.ts'
import {
  invalidRequest,
  missingKey,
  missingModel,
  type OpenAiError,
  relayLeak,
  scriptedFailure,
  serverError,
  unknownUrl,
  unreadableBody,
  unreadableForm,
  wrongContentType,
  wrongKey,
  wrongMethod,
} from './errors.ts'
import { type FormFields, readForm } from './forms.ts'
import { editFields } from './image-rules.ts'
import { answerImage, answerImageEdit } from './images.ts'
import { answerModel, answerModels } from './models.ts'
import { answerModeration } from './moderations.ts'
import { answerError } from './replies.ts'
import { answerResponse } from './responses.ts'
import { answerSpeech } from './speech.ts'
import { answerTranscription, transcriptionFields } from './transcriptions.ts'

type Post = (exchange: Exchange, body: JsonObject, model: string, key: string) => Promise<void>

const posts: Readonly<Record<string, Post>> = {
  '/v1/audio/speech': answerSpeech,
  '/v1/audio/transcriptions': answerTranscription,
  '/v1/chat/completions': answerChat,
  '/v1/embeddings': answerEmbeddings,
  '/v1/images/edits': answerImageEdit,
  '/v1/images/generations': answerImage,
  '/v1/moderations': answerModeration,
  '/v1/responses': answerResponse,
}
/** The paths that take a form and no JSON. */
const forms: Readonly<Record<string, FormFields>> = {
  '/v1/audio/transcriptions': transcriptionFields,
  '/v1/images/edits': editFields,
}
const json = { name: 'application/json', pattern: /^application\/json(\s*;\s*charset=utf-8)?$/i }
const multipart = { name: 'multipart/form-data', pattern: /^multipart\/form-data\s*;\s*boundary=/i }
const maxBodyBytes = 64 * 1024 * 1024

/** OpenAI's API as seen under `/openai`: paths below are what the real host serves. */
export const openAiDialect: Dialect = {
  prefix: '/openai',
  refuseLeaks: (exchange, leaks) => answerError(exchange, relayLeak(leaks)),
  reportFault: (exchange) => answerError(exchange, serverError),
  async answer(exchange, path, key) {
    const method = exchange.request.method ?? ''
    const post = Object.hasOwn(posts, path) ? posts[path] : undefined
    const modelId = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1]
    if (!post && !modelId && path !== '/v1/models') return answerError(exchange, unknownUrl(method, path))
    const allowed = post ? 'POST' : 'GET'
    if (method !== allowed) return answerError(exchange, wrongMethod(method, path, allowed))
    const given = /^Bearer (.+)$/.exec(exchange.request.headers.authorization ?? '')?.[1] ?? ''
    const error = judgeKey(exchange, given, key)
    if (error) return answerError(exchange, error)
    if (post) return answerPost(exchange, post, forms[path] ?? null, given)
    return modelId ? answerModel(exchange, modelId) : answerModels(exchange)
  },
}

function judgeKey(exchange: Exchange, given: string, platformKey: string): OpenAiError | null {
  if (given === '') return missingKey
  const { state, retryAfterSeconds } = exchange.judgeKey(given, platformKey)
  if (state === 'revoked') return wrongKey(given)
  return state === 'rate_limited' ? scriptedFailure('rate-limited', retryAfterSeconds, 'all models', given) : null
}

async function answerPost(exchange: Exchange, post: Post, fields: FormFields | null, key: string): Promise<void> {
  const contentType = exchange.request.headers['content-type'] ?? ''
  const accepted = fields ? multipart : json
  if (!accepted.pattern.test(contentType)) return answerError(exchange, wrongContentType(contentType, accepted.name))
  const body = fields ? await readForm(exchange, maxBodyBytes, fields) : await readJsonBody(exchange, maxBodyBytes)
  if (body === 'left') return
  if (body === 'too-large') return answerError(exchange, invalidRequest('Request body is too large.', null, 'request_too_large', 413))
  if (body === 'unreadable') return answerError(exchange, fields ? unreadableForm : unreadableBody)
  if (body.model === undefined || body.model === null || body.model === '') return answerError(exchange, missingModel)
  if (typeof body.model !== 'string')
    return answerError(exchange, invalidRequest("Invalid type for 'model': expected a string.", 'model', 'invalid_type'))
  exchange.record.model = body.model
  return post(exchange, body, body.model, key)
}
