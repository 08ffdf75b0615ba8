import type { IncomingMessage } from 'node:http'
import { Attempts } from './attempts.ts'
import { CliproxyState } from './cliproxy/state.ts'
import { CustomerKeys, type KeyOwner, type PresentedKey } from './customer-keys.ts'
import { type HeaderSet, HeaderSets } from './header-sets.ts'

export type Outcome = 'completed' | 'client_left' | 'broken' | 'refused' | 'running'

/** What really happened to one request, told by the far side. Times are milliseconds since the epoch. Never any text. */
export type TruthRecord = {
  id: number
  receivedAt: number
  endedAt: number | null
  path: string
  method: string
  model: string | null
  behaviour: string | null
  headers: Record<string, string>
  relayRequestId: string | null
  /** Whose key it came with; null for a key that nobody has, and without any. */
  keyOwner: KeyOwner | null
  /** SHA-256 in hex of that key; null for the platform's own. */
  keyHash: string | null
  stream: boolean
  status: number | null
  outcome: Outcome
  promptTokens: number
  cachedTokens: number
  completionTokensGenerated: number
  completionTokensSent: number
  usageReported: unknown
  bodyBytes: number
  leaks: string[]
}

/** The record while the request runs; headers are kept in a compact form until somebody asks. */
export type OpenRecord = Omit<TruthRecord, 'headers' | 'relayRequestId'> & { headerSet: HeaderSet }

export type ModelSummary = {
  requests: number
  outcomes: Record<Outcome, number>
  promptTokens: number
  cachedTokens: number
  completionTokensGenerated: number
  completionTokensSent: number
  leaks: number
}

export type RecordFilter = {
  relayRequestId?: string | undefined
  model?: string | undefined
  keyHash?: string | undefined
  since?: number | undefined
  limit?: number | undefined
}

const capacity = 200_000
// Clients choose model names, so the table of sums needs a bound; the rest is counted together.
const maxModels = 1_000

/** The log of one upstream: the last 200,000 requests, and sums over all of them. */
export class GroundTruth {
  #ring: OpenRecord[] = []
  #nextId = 1
  #sums = new Map<string, ModelSummary>()
  #running = 0
  readonly #headerSets = new HeaderSets()
  /** Kept here so that clearing the log also forgets what a test left half retried. */
  readonly attempts = new Attempts()
  /** What tests switch and what its management plane changes; clearing the log leaves it alone. */
  readonly cliproxy = new CliproxyState()
  /** Registered by tests; clearing the log leaves them alone too. */
  readonly customerKeys = new CustomerKeys()

  open(request: IncomingMessage, key: PresentedKey, leaks: string[]): OpenRecord {
    const record: OpenRecord = {
      id: this.#nextId,
      receivedAt: Date.now(),
      endedAt: null,
      path: request.url ?? '',
      method: request.method ?? '',
      model: null,
      behaviour: null,
      headerSet: this.#headerSets.take(request.rawHeaders),
      keyOwner: key.owner,
      keyHash: key.hash,
      stream: false,
      status: null,
      outcome: 'running',
      promptTokens: 0,
      cachedTokens: 0,
      completionTokensGenerated: 0,
      completionTokensSent: 0,
      usageReported: null,
      bodyBytes: 0,
      leaks,
    }
    this.#ring[(record.id - 1) % capacity] = record
    this.#nextId += 1
    this.#running += 1
    return record
  }

  /** Ends a record; the first end counts, because a cut socket also looks like a client that left. */
  close(record: OpenRecord, outcome: Exclude<Outcome, 'running'>): void {
    if (record.endedAt !== null) return
    record.endedAt = Date.now()
    record.outcome = outcome
    this.#running -= 1
    addTo(this.#sumOf(record.model ?? '(none)'), record)
  }

  records(filter: RecordFilter = {}): TruthRecord[] {
    const limit = filter.limit ?? capacity
    const found: TruthRecord[] = []
    const oldest = Math.max(1, this.#nextId - capacity)
    for (let id = this.#nextId - 1; id >= oldest && found.length < limit; id -= 1) {
      const record = this.#ring[(id - 1) % capacity]
      // A cleared ring leaves holes, and a hole ends what can be told.
      if (record?.id !== id) break
      if (matches(record, filter)) found.push(publish(record, this.#headerSets))
    }
    return found.reverse()
  }

  summary(): { running: number; requests: number; models: Record<string, ModelSummary> } {
    let requests = 0
    for (const sum of this.#sums.values()) requests += sum.requests
    return { running: this.#running, requests, models: Object.fromEntries(this.#sums) }
  }

  /** Forgets what has ended. Requests that still run are counted when they end, but no longer listed. */
  clear(): void {
    this.#ring = []
    this.#sums.clear()
    this.attempts.clear()
  }

  #sumOf(model: string): ModelSummary {
    const key = this.#sums.has(model) || this.#sums.size < maxModels ? model : '(others)'
    const known = this.#sums.get(key)
    if (known) return known
    const fresh = emptySummary()
    this.#sums.set(key, fresh)
    return fresh
  }
}

function matches(record: OpenRecord, filter: RecordFilter): boolean {
  if (filter.relayRequestId !== undefined && record.headerSet.requestId !== filter.relayRequestId) return false
  if (filter.model !== undefined && record.model !== filter.model) return false
  if (filter.keyHash !== undefined && record.keyHash !== filter.keyHash) return false
  return filter.since === undefined || record.receivedAt >= filter.since
}

function publish(record: OpenRecord, headerSets: HeaderSets): TruthRecord {
  const { headerSet, ...facts } = record
  return { ...facts, headers: headerSets.read(headerSet), relayRequestId: headerSet.requestId }
}

function emptySummary(): ModelSummary {
  return {
    requests: 0,
    outcomes: { completed: 0, client_left: 0, broken: 0, refused: 0, running: 0 },
    promptTokens: 0,
    cachedTokens: 0,
    completionTokensGenerated: 0,
    completionTokensSent: 0,
    leaks: 0,
  }
}

function addTo(sum: ModelSummary, record: OpenRecord): void {
  sum.requests += 1
  sum.outcomes[record.outcome] += 1
  sum.promptTokens += record.promptTokens
  sum.cachedTokens += record.cachedTokens
  sum.completionTokensGenerated += record.completionTokensGenerated
  sum.completionTokensSent += record.completionTokensSent
  sum.leaks += record.leaks.length
}
