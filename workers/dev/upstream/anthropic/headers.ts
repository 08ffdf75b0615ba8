import type { Exchange, HeaderList } from '../exchange.ts'

/** Unique within one log, and the same in the header and in an error's body. */
export function requestIdOf({ record }: Exchange): string {
  return `req_011Scripted${record.receivedAt.toString(36)}${record.id.toString(36).padStart(6, '0')}`
}

/**
 * The headers of every answer of Anthropic, with all that a relay has to drop: cookies, the server's name, the account, the
 * account's rate limits.
 */
export function anthropicHeaders(exchange: Exchange, contentType: string): HeaderList {
  const resetsAt = new Date(exchange.record.receivedAt + 1_000).toISOString()
  const limits = ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((kind) => [
    `anthropic-ratelimit-${kind}-limit`,
    '400000',
    `anthropic-ratelimit-${kind}-remaining`,
    '399000',
    `anthropic-ratelimit-${kind}-reset`,
    resetsAt,
  ])
  return [
    'content-type',
    contentType,
    'request-id',
    requestIdOf(exchange),
    'anthropic-organization-id',
    'org-scripted',
    ...limits,
    'x-envoy-upstream-service-time',
    String(Date.now() - exchange.record.receivedAt),
    'x-robots-tag',
    'none',
    'cf-cache-status',
    'DYNAMIC',
    'set-cookie',
    '_cfuvid=scripted-cookie; path=/; domain=.api.anthropic.com; HttpOnly; Secure; SameSite=None',
    'strict-transport-security',
    'max-age=31536000; includeSubDomains; preload',
    'server',
    'cloudflare',
    'cf-ray',
    '8ae8d8cd6c8a61e3-ZRH',
    'via',
    '1.1 google',
  ]
}
