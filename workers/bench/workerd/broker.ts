import { randomOf } from '#workers/ledger/testing/model.ts'

/*
 * The queue of the benchmark and of the fault runs. workerd turns the producer's `send` into an HTTP request to this Worker, and its own `queue` call hands a batch to
 * the consumer Worker, whose acknowledgements come back as the result. In memory: what it loses when it dies, the ledger sends again.
 */

export interface BrokerSettings {
  queue: string
  batchSize: number
  batchTimeoutMs: number
  faults?: QueueFaults
}

/** What a queue may do to a message that it has taken, as shares of one. Ordinary queues do all of it, only rarely. */
export interface QueueFaults {
  seed: number
  drop: number
  /** Delivered a second time, at another moment. */
  duplicate: number
  /** Held back, so that later ones overtake it. */
  delay: number
  /** Longest time a message is held back, in milliseconds. */
  delayMs: number
}

interface BrokerEnv {
  BROKER: { get(name: string): { fetch(request: Request): Promise<Response> } }
  CONSUMER: { queue(name: string, messages: QueuedMessage[]): Promise<QueueResult> }
  SETTINGS: string
}

interface QueuedMessage {
  id: string
  timestamp: Date
  body: ArrayBuffer
  attempts: number
}

interface QueueResult {
  outcome: string
  retryBatch: { retry: boolean; delaySeconds?: number }
  retryMessages: { msgId: string; delaySeconds?: number }[]
}

const retryMs = 1_000

/** Batches as wrangler.toml sets them for the consumer, one batch at a time. An object, because a Worker's own timers end with its request. */
export class Broker {
  readonly #env: BrokerEnv
  readonly #settings: BrokerSettings
  readonly #random: ReturnType<typeof randomOf>
  #waiting: QueuedMessage[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isDelivering = false

  constructor(_state: unknown, env: BrokerEnv) {
    this.#env = env
    // The benchmark writes it with JSON.stringify from this very type.
    this.#settings = JSON.parse(env.SETTINGS) as BrokerSettings
    this.#random = randomOf(this.#settings.faults?.seed ?? 0)
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    // The ledger sends single messages of bytes; another way to send would be lost here without this refusal.
    if (pathname !== '/message' || request.headers.get('x-msg-fmt') !== 'bytes') return new Response('not served here', { status: 501 })
    this.#take(await request.arrayBuffer())
    return Response.json({ metadata: { metrics: { backlogCount: this.#waiting.length, backlogBytes: 0, oldestMessageTimestamp: 0 } } })
  }

  #take(body: ArrayBuffer): void {
    for (const waitMs of this.#departures()) {
      const message = { id: crypto.randomUUID(), timestamp: new Date(), body, attempts: 1 }
      if (waitMs === 0) this.#add(message)
      else setTimeout(() => this.#add(message), waitMs)
    }
  }

  /** After how many milliseconds a message goes on its way: once and at once, unless the faults want otherwise. */
  #departures(): number[] {
    const { faults } = this.#settings
    if (!faults) return [0]
    const isIt = (fault: 'drop' | 'duplicate' | 'delay') => {
      if (!this.#random.chance(faults[fault])) return false
      // Counted in the log by whoever ordered it.
      console.error(`queue fault: ${fault}`)
      return true
    }
    if (isIt('drop')) return []
    const later = () => 1 + this.#random.below(faults.delayMs)
    return [isIt('delay') ? later() : 0, ...(isIt('duplicate') ? [later()] : [])]
  }

  #add(message: QueuedMessage): void {
    this.#waiting.push(message)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isDelivering || this.#waiting.length === 0) return
    if (this.#waiting.length >= this.#settings.batchSize) void this.#deliver()
    else this.#timer ??= setTimeout(() => void this.#deliver(), this.#settings.batchTimeoutMs)
  }

  async #deliver(): Promise<void> {
    this.#isDelivering = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#waiting.splice(0, this.#settings.batchSize)
    const again = await this.#offer(batch)
    for (const message of batch) {
      const delayMs = again.get(message.id)
      if (delayMs !== undefined) setTimeout(() => this.#add({ ...message, attempts: message.attempts + 1 }), delayMs)
    }
    this.#isDelivering = false
    this.#schedule()
  }

  /** Answers which messages must come again, and after how many milliseconds. */
  async #offer(batch: QueuedMessage[]): Promise<Map<string, number>> {
    const all = (delayMs: number) => new Map(batch.map(({ id }) => [id, delayMs]))
    try {
      const { outcome, retryBatch, retryMessages } = await this.#env.CONSUMER.queue(this.#settings.queue, batch)
      if (outcome !== 'ok') return all(retryMs)
      if (retryBatch.retry) return all((retryBatch.delaySeconds ?? 0) * 1_000)
      return new Map(retryMessages.map(({ msgId, delaySeconds }) => [msgId, (delaySeconds ?? 0) * 1_000]))
    } catch (error) {
      console.error(`the usage Worker could not be called: ${String(error)}`)
      return all(retryMs)
    }
  }
}

export default {
  fetch: (request: Request, env: BrokerEnv): Promise<Response> => env.BROKER.get('queue').fetch(request),
}
