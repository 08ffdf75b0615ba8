import { z } from 'zod'

export type Provider = 'codex' | 'claude' | 'gemini'

/** One account behind the proxy. `apiKey` stands in clear in what the management plane answers. */
export type Credential = {
  provider: Provider
  authIndex: string
  name: string
  email: string
  baseUrl: string
  apiKey: string
  disabled: boolean
}

/** One request as the usage queue tells it; the members are named as on the wire. */
export type UsageEntry = {
  timestamp: string
  latency_ms: number
  source: string
  auth_index: string
  tokens: { input_tokens: number; output_tokens: number; reasoning_tokens: number; cached_tokens: number; total_tokens: number }
  failed: boolean
  provider: Provider
  model: string
  alias: string
  endpoint: string
  auth_type: 'api_key'
  api_key: string
  request_id: string
}

export type Counts = { success: number; failed: number }

/** What tests ask for at `/_truth/cliproxy`; a member that is left out is reset. */
const Switch = z.strictObject({ missing: z.array(z.string()).default([]), down: z.boolean().default(false) })

const maxQueued = 10_000
const bucketMs = 10 * 60 * 1_000
const shownBuckets = 20

/** What one scripted CLIProxyAPI remembers between requests. */
export class CliproxyState {
  missing: ReadonlySet<string> = new Set()
  isDown = false
  /** Null until the management plane replaces them: then the upstream's own key is the only one. */
  clientKeys: readonly string[] | null = null
  readonly credentials: Readonly<Record<Provider, Credential>> = {
    codex: credential('codex', '0a11ce5c0de00001', 'https://api.openai.com/v1', 'sk-proj-scripted-codex'),
    claude: credential('claude', '0a11ce5c0de00002', 'https://api.anthropic.com', 'sk-ant-scripted-claude'),
    gemini: credential('gemini', '0a11ce5c0de00003', 'https://generativelanguage.googleapis.com', 'AIza-scripted-gemini'),
  }
  #queue: UsageEntry[] = []
  readonly #counts = new Map<string, Counts>()

  /** False when the text is no such switch; nothing changes then. */
  set(json: string): boolean {
    const asked = Switch.safeParse(parseJson(json))
    if (!asked.success) return false
    this.missing = new Set(asked.data.missing)
    this.isDown = asked.data.down
    return true
  }

  publish(entry: UsageEntry): void {
    if (this.#queue.length >= maxQueued) this.#queue.shift()
    this.#queue.push(entry)
    const key = `${entry.provider} ${Math.floor(Date.now() / bucketMs)}`
    const { success, failed } = this.#counts.get(key) ?? { success: 0, failed: 0 }
    this.#counts.set(key, entry.failed ? { success, failed: failed + 1 } : { success: success + 1, failed })
  }

  /** The oldest entries; they are gone from then on. */
  pop(count: number): UsageEntry[] {
    return this.#queue.splice(0, count)
  }

  /** Counts of the last 200 minutes, and of each ten minutes of them, oldest first. */
  recentRequests(provider: Provider): Counts & { recent_requests: (Counts & { time: string })[] } {
    const newest = Math.floor(Date.now() / bucketMs)
    const recent = Array.from({ length: shownBuckets }, (_, index) => {
      const bucket = newest - shownBuckets + 1 + index
      const counts = this.#counts.get(`${provider} ${bucket}`) ?? { success: 0, failed: 0 }
      return { time: `${clock(bucket * bucketMs)}-${clock((bucket + 1) * bucketMs)}`, ...counts }
    })
    const sum = (name: 'success' | 'failed'): number => recent.reduce((total, bucket) => total + bucket[name], 0)
    return { success: sum('success'), failed: sum('failed'), recent_requests: recent }
  }
}

function credential(provider: Provider, authIndex: string, baseUrl: string, apiKey: string): Credential {
  const email = `${provider}@example.com`
  return { provider, authIndex, name: `${provider}-${email}.json`, email, baseUrl, apiKey, disabled: false }
}

function clock(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 16)
}

/** Undefined for text that is not JSON, which no schema here accepts. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
