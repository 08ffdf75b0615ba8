import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { parseJson } from './cliproxy/state.ts'

export type KeyOwner = 'platform' | 'customer'

/**
 * The key a request came with. Owner is null for a key that nobody has, and without any; `hash` is the SHA-256 in hex of any key but the
 * platform's, and `provider` the only one that a customer's key is meant for.
 */
export type PresentedKey = { owner: KeyOwner | null; hash: string | null; provider: string | null }

/** What tests say of one customer's key. Without a provider it works at each of them. */
const Registration = z.strictObject({
  state: z.enum(['active', 'revoked', 'rate_limited']),
  provider: z.enum(['openai', 'anthropic', 'gemini', 'compatible']).optional(),
  retryAfterSeconds: z.int().min(0).default(2),
})

/** What a provider says to a key before it looks at the request. */
export type KeyStanding = Pick<z.infer<typeof Registration>, 'state' | 'retryAfterSeconds'>

const active: KeyStanding = { state: 'active', retryAfterSeconds: 0 }
const unknown: KeyStanding = { state: 'revoked', retryAfterSeconds: 0 }
/** Made up, so that a person can try one by hand. */
const wellKnown = /^sk-own-[A-Za-z0-9]{8,}$/

/** The keys that customers have at the providers, beside the platform's, which each request is judged with. */
export class CustomerKeys {
  readonly #registered = new Map<string, z.infer<typeof Registration>>()

  /** False when the text is no registration; nothing changes then. */
  register(key: string, json: string): boolean {
    const asked = Registration.safeParse(parseJson(json))
    if (asked.success) this.#registered.set(key, asked.data)
    return asked.success
  }

  identify(headers: IncomingHttpHeaders, platformKey: string): PresentedKey {
    const { authorization, 'x-api-key': anthropic, 'x-goog-api-key': google } = headers
    const key = authorization?.replace(/^bearer /i, '') ?? anthropic ?? google
    if (typeof key !== 'string' || key === '') return { owner: null, hash: null, provider: null }
    if (key === platformKey) return { owner: 'platform', hash: null, provider: null }
    const registered = this.#registered.get(key)
    const owner = registered || wellKnown.test(key) ? 'customer' : null
    return { owner, hash: createHash('sha256').update(key).digest('hex'), provider: registered?.provider ?? null }
  }

  /** A key that nobody has is refused as a revoked one, which is what the real providers do. */
  judge(key: string, platformKey: string): KeyStanding {
    if (key === platformKey) return active
    return this.#registered.get(key) ?? (wellKnown.test(key) ? active : unknown)
  }
}
