/*
 * The queue of the benchmark. workerd turns the producer's `send` into an HTTP request to this Worker, and its own `queue` call hands a batch to
 * the consumer Worker, whose acknowledgements come back as the result. In memory: what it loses when it dies, the ledger sends again.
 */

interface Settings {
  queue: string
  batchSize: number
  batchTimeoutMs: number
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
  readonly #settings: Settings
  #waiting: QueuedMessage[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isDelivering = false

  constructor(_state: unknown, env: BrokerEnv) {
    this.#env = env
    // The benchmark writes it with JSON.stringify from this very type.
    this.#settings = JSON.parse(env.SETTINGS) as Settings
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    // The ledger sends single messages of bytes; another way to send would be lost here without this refusal.
    if (pathname !== '/message' || request.headers.get('x-msg-fmt') !== 'bytes') return new Response('not served here', { status: 501 })
    this.#add({ id: crypto.randomUUID(), timestamp: new Date(), body: await request.arrayBuffer(), attempts: 1 })
    return Response.json({ metadata: { metrics: { backlogCount: this.#waiting.length, backlogBytes: 0, oldestMessageTimestamp: 0 } } })
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
