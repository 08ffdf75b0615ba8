import type { PresentedKey } from './customer-keys.ts'
import type { Dialect } from './dialect.ts'

// Where the providers' clients put a key; a relay sends one of them.
const keyHeaders = new Set(['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'])

// Names that a relay must drop; each would tell the provider who the client is or carry a client's credential.
const forbidden = new Set([
  'cookie',
  'forwarded',
  'x-real-ip',
  'true-client-ip',
  'proxy-authorization',
  'x-api-key',
  'x-goog-api-key',
  'api-key',
  'x-management-key',
  'openai-organization',
  'openai-project',
])

const forbiddenPrefixes = ['x-forwarded-', 'cf-']

// The platform itself adds these to what a Worker fetches; no Worker can leave them out.
const addedByPlatform = new Set(['cf-worker'])

/** Names of what should never have come through: headers, and a query string as `query`; but for what the provider itself asks for. */
export function findLeaks(
  url: string,
  rawHeaders: readonly string[],
  { ownHeaders = [], ownQueries = [] }: Pick<Dialect, 'ownHeaders' | 'ownQueries'> = {},
): string[] {
  const leaks: string[] = []
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : null
  if (query !== null && !ownQueries.some((own) => (typeof own === 'string' ? own === query : own.test(query)))) leaks.push('query')
  let keys = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (name === 'authorization' || (keyHeaders.has(name) && ownHeaders.includes(name))) keys += 1
    if (isForbidden(name) && !ownHeaders.includes(name)) leaks.push(name)
  }
  if (keys > 1) leaks.push('authorization')
  return leaks
}

/** `platform-key` or `customer-key` when a key came to a provider that it must never reach. */
export function findKeyLeaks({ owner, provider }: PresentedKey, { prefix, keysOf }: Pick<Dialect, 'prefix' | 'keysOf'>): string[] {
  if (owner === null) return []
  const isMisplaced = (keysOf !== undefined && keysOf !== owner) || (provider !== null && prefix !== `/${provider}`)
  return isMisplaced ? [`${owner}-key`] : []
}

function isForbidden(name: string): boolean {
  if (forbidden.has(name)) return true
  return forbiddenPrefixes.some((prefix) => name.startsWith(prefix)) && !addedByPlatform.has(name)
}
