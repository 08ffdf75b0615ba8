import type { Db } from '#db/client.ts'
import { KeyStatus } from '#shared/contracts/key-status.ts'
import type { randomOf } from '#workers/ledger/testing/model.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { modelIds } from './catalogue.ts'

type Random = ReturnType<typeof randomOf>

export interface LoadCustomer {
  organizationId: string
  apiKey: string
  overdraftNanos: number
  /** Never refused for want of money. */
  isRich: boolean
}

/** What a client saw of one request. */
export interface Outcome {
  organizationId: string
  requestId: string | null
  /** Null when the connection failed before an answer. */
  status: number | null
  retryAfter: string | null
  /** The answer was read to its end. */
  isWhole: boolean
  startedAtMs: number
  endedAtMs: number
}

export type ClientMoment = 'asking' | 'first byte' | 'stream read' | 'answer read'

/** Rich ones, one with an overdraft and little credit, and one with little credit alone: the last two are refused now and then. */
const wallets = [
  { creditNanos: 900_000_000_000, overdraftNanos: 0, isRich: true },
  { creditNanos: 900_000_000_000, overdraftNanos: 0, isRich: true },
  { creditNanos: 900_000_000_000, overdraftNanos: 0, isRich: true },
  { creditNanos: 20_000_000, overdraftNanos: 250_000_000, isRich: false },
  { creditNanos: 250_000_000, overdraftNanos: 0, isRich: false },
]

/** A client whose relay is away tries again this soon. */
const retryMs = 40

export async function newCustomers(db: Db): Promise<LoadCustomer[]> {
  const platform = nodePlatform(db)
  return Promise.all(wallets.map(async (wallet) => ({ ...(await createOrganization(platform, wallet)), ...wallet })))
}

export interface LoadChoice {
  /** Requests one after another on so many lanes, or started at a steady rate whatever becomes of them. */
  pace: { lanes: number } | { perSecond: number }
  models?: readonly string[]
}

/** Requests of several customers, whole and streamed, until it is ended. */
export class Load {
  readonly outcomes: Outcome[] = []
  onMoment: (moment: ClientMoment) => void = () => undefined
  readonly #relayUrl: string
  readonly #customers: LoadCustomer[]
  readonly #random: Random
  readonly #models: readonly string[]
  readonly #work: Promise<void>[] = []
  #isWanted = true

  constructor(relayUrl: string, customers: LoadCustomer[], random: Random, { pace, models }: LoadChoice) {
    this.#relayUrl = relayUrl
    this.#customers = customers
    this.#random = random
    this.#models = models ?? [...modelIds.small, ...modelIds.large]
    if ('lanes' in pace) for (let lane = 0; lane < pace.lanes; lane++) this.#work.push(this.#lane())
    else this.#work.push(this.#beat(1_000 / pace.perSecond))
  }

  async end(): Promise<void> {
    this.#isWanted = false
    // What is started while the first ones end is in the list by then.
    for (const work of this.#work) await work
  }

  /** How often clients saw each status; `cut` where the relay died before it answered. */
  get statuses(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { status } of this.outcomes) counts[status ?? 'cut'] = (counts[status ?? 'cut'] ?? 0) + 1
    return counts
  }

  async #lane(): Promise<void> {
    while (this.#isWanted) {
      const outcome = await this.ask(this.#random.pick(this.#customers))
      if (outcome.status !== 200) await pause(retryMs)
    }
  }

  async #beat(intervalMs: number): Promise<void> {
    for (let nextAtMs = Date.now(); this.#isWanted; nextAtMs += intervalMs) {
      this.#work.push(this.ask(this.#random.pick(this.#customers)).then(() => undefined))
      await pause(Math.max(0, nextAtMs + intervalMs - Date.now()))
    }
  }

  /** One request of a customer; its outcome counts with the others. */
  async ask({ organizationId, apiKey }: LoadCustomer): Promise<Outcome> {
    const outcome: Outcome = {
      organizationId,
      requestId: null,
      status: null,
      retryAfter: null,
      isWhole: false,
      startedAtMs: Date.now(),
      endedAtMs: 0,
    }
    const body = this.#body()
    this.onMoment('asking')
    try {
      const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
      const response = await fetch(`${this.#relayUrl}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) })
      outcome.status = response.status
      outcome.requestId = response.headers.get('x-request-id')
      outcome.retryAfter = response.headers.get('retry-after')
      await this.#read(response, body.stream)
      outcome.isWhole = true
    } catch {
      // The relay was killed; what became of the request is for the books to say.
    }
    outcome.endedAtMs = Date.now()
    this.outcomes.push(outcome)
    return outcome
  }

  async #read(response: Response, isStream: boolean): Promise<void> {
    let isFirst = true
    for await (const _ of response.body ?? []) {
      if (isFirst && response.status === 200) this.onMoment('first byte')
      isFirst = false
    }
    if (response.status === 200) this.onMoment(isStream ? 'stream read' : 'answer read')
  }

  #body() {
    const model = this.#random.pick(this.#models)
    const stream = this.#random.chance(0.6)
    const tags = `[tokens=${10 + this.#random.below(50)}] [reasoning=${this.#random.below(4)}] [cached=${this.#random.below(3)}]`
    return {
      model,
      messages: [{ role: 'user', content: `${this.#random.below(1_000_000)} ${tags}` }],
      stream,
      ...(stream && this.#random.chance(0.5) ? { stream_options: { include_usage: true } } : {}),
      // Without it the hold is for the longest answer there is, which makes it a large one.
      ...(modelIds.large.includes(model) ? {} : { max_tokens: 256 }),
    }
  }
}

/** What a customer's object holds and awaits; null when nobody answers. */
export async function creditOf(relayUrl: string, { apiKey }: LoadCustomer): Promise<KeyStatus['credit'] | null> {
  const response = await fetch(`${relayUrl}/v1/key`, { headers: { authorization: `Bearer ${apiKey}` } }).catch(() => null)
  if (response?.status !== 200) return null
  return KeyStatus.parse(await response.json()).credit
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
