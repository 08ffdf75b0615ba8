import { randomBytes } from 'node:crypto'
import type { Exchange, HeaderList } from '../exchange.ts'

// One random stem per process; a counter makes each id unique at no cost per request.
const stem = randomBytes(10).toString('hex')

/**
 * The headers of every OpenAI answer, with all that a relay has to drop: cookies, the server's name, the account, the
 * account's rate limits.
 */
export function openAiHeaders(exchange: Exchange, contentType: string): HeaderList {
  const { id, receivedAt } = exchange.record
  return [
    'content-type',
    contentType,
    'access-control-expose-headers',
    'X-Request-ID',
    'openai-organization',
    'org-scripted',
    'openai-processing-ms',
    String(Date.now() - receivedAt),
    'openai-project',
    'proj_scripted',
    'openai-version',
    '2020-10-01',
    'x-ratelimit-limit-requests',
    '10000',
    'x-ratelimit-limit-tokens',
    '2000000',
    'x-ratelimit-remaining-requests',
    '9999',
    'x-ratelimit-remaining-tokens',
    '1999000',
    'x-ratelimit-reset-requests',
    '6ms',
    'x-ratelimit-reset-tokens',
    '0s',
    'x-request-id',
    `req_${stem}${id.toString(16).padStart(12, '0')}`,
    'cf-cache-status',
    'DYNAMIC',
    'set-cookie',
    '__cf_bm=scripted-cookie; path=/; domain=.api.openai.com; HttpOnly; Secure; SameSite=None',
    'strict-transport-security',
    'max-age=31536000; includeSubDomains; preload',
    'x-content-type-options',
    'nosniff',
    'server',
    'cloudflare',
    'cf-ray',
    '8ae8d8cd6c8a61e3-ZRH',
    'via',
    '1.1 scripted-edge',
  ]
}
