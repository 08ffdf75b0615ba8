import type { Dialect } from '../dialect.ts'
import type { Exchange } from '../exchange.ts'
import { type JsonObject, readJsonBody } from '../json-body.ts'
import { type AnthropicError, badKey, invalidRequest, notFound, relayLeak, scriptedFailure, serverError, tooLarge } from './errors.ts'
import { answerCount, answerMessages } from './messages.ts'
import { answerModel, answerModels } from './models.ts'
import { answerError } from './replies.ts'
import type { Asked } from './request.ts'

type Post = (exchange: Exchange, body: JsonObject, asked: Asked, key: string) => Promise<void>

const posts: Readonly<Record<string, Post>> = { '/v1/messages': answerMessages, '/v1/messages/count_tokens': answerCount }
const maxBodyBytes = 32 * 1024 * 1024
const versions = ['2023-06-01', '2026-10-21']

/** Anthropic's API as seen under `/anthropic`: paths below are what the real host serves. */
export const anthropicDialect: Dialect = {
  prefix: '/anthropic',
  ownHeaders: ['x-api-key'],
  ownQueries: ['beta=true'],
  refuseLeaks: (exchange, leaks) => answerError(exchange, relayLeak(leaks)),
  reportFault: (exchange) => answerError(exchange, serverError),
  async answer(exchange, path, key) {
    const post = Object.hasOwn(posts, path) ? posts[path] : undefined
    const modelId = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1]
    if (!post && !modelId && path !== '/v1/models') return answerError(exchange, notFound('Not Found'))
    if (exchange.request.method !== (post ? 'POST' : 'GET')) return answerError(exchange, invalidRequest('Method Not Allowed', 405))
    const betas = readBetas(exchange)
    const given = exchange.request.headers['x-api-key']
    const error = judgeKey(exchange, given, key) ?? judgeVersion(exchange) ?? judgeBetas(betas)
    if (error) return answerError(exchange, error)
    if (post) {
      const isStrict = exchange.request.headers['anthropic-version'] !== '2023-06-01'
      return answerPost(exchange, post, { betas, isStrict }, String(given))
    }
    return modelId ? answerModel(exchange, modelId) : answerModels(exchange)
  },
}

function judgeKey(exchange: Exchange, given: string | string[] | undefined, platformKey: string): AnthropicError | null {
  const { authorization } = exchange.request.headers
  if (given === undefined) return badKey(authorization === undefined ? 'x-api-key header is required' : 'Invalid bearer token')
  const { state, retryAfterSeconds } = exchange.judgeKey(String(given), platformKey)
  if (state === 'revoked') return badKey('invalid x-api-key')
  return state === 'rate_limited' ? scriptedFailure('rate-limited', retryAfterSeconds, 'all models', String(given)) : null
}

function judgeVersion({ request }: Exchange): AnthropicError | null {
  const given = request.headers['anthropic-version']
  if (given === undefined) return invalidRequest('anthropic-version: header is required')
  return versions.includes(String(given)) ? null : invalidRequest(`anthropic-version: "${given}" is not a valid version`)
}

function readBetas({ request }: Exchange): string[] {
  const header = request.headers['anthropic-beta']
  return header === undefined
    ? []
    : String(header)
        .split(',')
        .map((value) => value.trim())
}

/** New betas come often, so each name that ends in a date counts as known. */
function judgeBetas(betas: readonly string[]): AnthropicError | null {
  const strange = betas.filter((beta) => !/^[a-z0-9-]+-\d{4}-?\d{2}-?\d{2}$/.test(beta))
  if (strange.length === 0) return null
  return invalidRequest(`Unexpected value(s) ${strange.map((beta) => `\`${beta}\``).join(', ')} for the \`anthropic-beta\` header.`)
}

async function answerPost(exchange: Exchange, post: Post, asked: Asked, key: string): Promise<void> {
  const contentType = exchange.request.headers['content-type'] ?? ''
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(contentType)) {
    return answerError(exchange, invalidRequest('The content-type header must be application/json'))
  }
  const body = await readJsonBody(exchange, maxBodyBytes)
  if (body === 'left') return
  if (body === 'too-large') return answerError(exchange, tooLarge)
  if (body === 'unreadable') return answerError(exchange, invalidRequest('The request body is not valid JSON'))
  if (typeof body.model === 'string') exchange.record.model = body.model
  return post(exchange, body, asked, key)
}
