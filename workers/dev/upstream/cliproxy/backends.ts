import type { IncomingHttpHeaders } from 'node:http'
import { anthropicDialect } from '../anthropic/routes.ts'
import type { Dialect } from '../dialect.ts'
import { geminiDialect } from '../gemini/routes.ts'
import { openAiDialect } from '../openai/routes.ts'
import type { Provider } from './state.ts'

/** A provider that the proxy sends requests on to, under the provider's own paths and with the key in the header it takes. */
export type Backend = { provider: Provider; dialect: Dialect; paths: RegExp; keyHeader: 'authorization' | 'x-api-key' | 'x-goog-api-key' }

/** A provider's folder joins by a line here. */
export const backends: readonly Backend[] = [
  { provider: 'codex', dialect: openAiDialect, paths: /^\/v1\/(chat\/completions|responses)$/, keyHeader: 'authorization' },
  { provider: 'claude', dialect: anthropicDialect, paths: /^\/v1\/messages(\/count_tokens)?$/, keyHeader: 'x-api-key' },
  { provider: 'gemini', dialect: geminiDialect, paths: /^\/v1beta\/models\/[^/:]+:\w+$/, keyHeader: 'x-goog-api-key' },
]

/** The proxy's own credential takes the place of the client's, as the provider must see it. */
export function replaceKey(headers: IncomingHttpHeaders, { keyHeader }: Backend, key: string): void {
  for (const name of ['authorization', 'x-api-key', 'x-goog-api-key']) delete headers[name]
  headers[keyHeader] = keyHeader === 'authorization' ? `Bearer ${key}` : key
}
