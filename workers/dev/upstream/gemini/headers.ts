import type { Exchange, HeaderList } from '../exchange.ts'

// The types as this host writes them.
const contentTypes: Readonly<Record<string, string>> = {
  'application/json': 'application/json; charset=UTF-8',
  'text/event-stream; charset=utf-8': 'text/event-stream',
}

/** The headers of every answer of the real host, with all that a relay has to drop, and a cookie, which other Google hosts set. */
export function geminiHeaders({ record }: Exchange, contentType: string): HeaderList {
  const headers = [
    'content-type',
    contentTypes[contentType] ?? contentType,
    'vary',
    'Origin',
    'vary',
    'X-Origin',
    'vary',
    'Referer',
    'server',
    'scaffolding on HTTPServer2',
    'x-xss-protection',
    '0',
    'x-frame-options',
    'SAMEORIGIN',
    'x-content-type-options',
    'nosniff',
    'server-timing',
    `gfet4t7; dur=${Date.now() - record.receivedAt}`,
    'alt-svc',
    'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000',
    'set-cookie',
    'NID=scripted-cookie; path=/; domain=.google.com; HttpOnly; Secure; SameSite=None',
  ]
  // Google names the tier of whole answers only.
  if (!record.stream) headers.push('x-gemini-service-tier', 'standard')
  return headers
}
