import {
  createExecutionContext,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { inject, vi } from 'vitest'
import { type Db, openDb } from '#db/client.ts'
import { createCustomer } from '#db/queries/create-customer.ts'
import type { AccountSnapshot, Limits } from '#shared/contracts/account.ts'
import type { AppliedNotice, CustomerLedgerRpc, LedgerAudit } from '#shared/contracts/ledger.ts'
import { generateApiKey, hashApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import type { CustomerLedger } from '#workers/ledger/customer-ledger.ts'
import { watchWrites } from '#workers/ledger/testing/watch-writes.ts'
import { app } from '#workers/proxy/app.ts'
import type { Env } from '#workers/proxy/env.ts'
import { consume } from '#workers/usage/consume.ts'
import { Counter } from './count.ts'
import { FarSide } from './far-side.ts'

const { LEDGER } = env as unknown as { LEDGER: DurableObjectNamespace<CustomerLedger> }

/** How long the platform gathers messages for the consumer: `max_batch_timeout` of wrangler.toml. */
const batchTimeoutMs = 1_000

export interface TestCustomer {
  organizationId: string
  apiKey: string
}

/**
 * The proxy, the ledger and the consumer in one process, as they are, between counters of all they are billed for. The clock stands still until
 * it is moved, so that no alarm rings by itself; waits of `scheduler` and `setTimeout` go on in real time.
 */
export class CountedRelay {
  readonly counter = new Counter()
  readonly farSide: FarSide
  readonly #db: Db
  readonly #env: Env
  readonly #waiting: Uint8Array[] = []
  readonly #afterAnswers: Promise<void>[] = []

  constructor() {
    const { databaseUrl, neonEndpoint } = inject('database')
    this.farSide = new FarSide(this.counter, neonEndpoint)
    vi.stubGlobal('fetch', this.farSide.fetch)
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: Date.now() })
    this.#db = openDb({ databaseUrl, endpoint: neonEndpoint })
    const settings = {
      DATABASE_URL: databaseUrl,
      NEON_ENDPOINT: neonEndpoint,
      UPSTASH_REDIS_REST_URL: 'https://redis.test',
      UPSTASH_REDIS_REST_TOKEN: 'token',
      UPSTREAM_CREDENTIALS: '{"scripted":"sk-scripted"}',
      LEDGER: { getByName: (name: string) => this.#stub(name) },
    }
    // The proxy takes nothing but `getByName` from its binding.
    this.#env = settings as unknown as Env
  }

  /** A customer in Postgres, of whom no Worker has heard yet. */
  async customer(account: { creditNanos?: number; limits?: Limits } = {}): Promise<TestCustomer> {
    const { creditNanos = 5_000_000_000, limits = {} } = account
    const [organizationId, apiKey] = [newId('org'), generateApiKey()]
    await createCustomer(this.#db, {
      organizationId,
      name: 'Test',
      overdraftNanos: 0,
      lowBalanceNanos: null,
      limits,
      key: { keyId: newId('key'), name: 'Test', keyHash: await hashApiKey(apiKey), redacted: redactApiKey(apiKey) },
      credit: creditNanos === 0 ? null : { amountNanos: creditNanos, eventId: newId('crd'), reason: 'test' },
    })
    await this.#tap(organizationId)
    this.counter.take()
    return { organizationId, apiKey }
  }

  /** One request through the proxy, up to the end of its answer; `rest` waits for what is done after it. Answers its status. */
  async request(apiKey: string, body: object = {}): Promise<number> {
    const request = new Request('https://relay.test/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'cf-connecting-ip': '192.0.2.1' },
      body: JSON.stringify({ model: 'gpt-relay-fast', max_tokens: 20, messages: [{ role: 'user', content: 'Say hello.' }], ...body }),
    })
    this.counter.add('proxyRequests')
    const context = createExecutionContext()
    const response = await app.fetch(request, this.#env, context)
    await response.text()
    this.#afterAnswers.push(waitOnExecutionContext(context))
    return response.status
  }

  /** A customer of whom the object knows the account, and the proxy the key, for another minute of the clock; all is at rest. */
  async known(): Promise<TestCustomer> {
    const customer = await this.customer()
    await this.request(customer.apiKey)
    await this.rest(customer)
    // Refused before it reaches the ledger, but after the look-ups.
    await this.request(customer.apiKey, { model: 'no-such-model' })
    this.counter.take()
    return customer
  }

  /** Hands what waits in the queue to the consumer, as one batch. */
  async deliver(): Promise<void> {
    const messages = this.#waiting.splice(0, 100).map((body) => ({ body, attempts: 1, ack: () => undefined, retry: () => undefined }))
    if (messages.length === 0) return
    this.counter.add('consumerRuns')
    const getByName = (name: string) => ({
      applied: async (notice: AppliedNotice) => await this.#stub(name).applied(notice),
      refresh: async (newer: { snapshot: AccountSnapshot }) => await this.#stub(name).refresh(newer),
    })
    const { retried, parked, error } = await consume(
      { db: this.#db, ledger: { getByName }, webhooks: { send: async () => undefined } },
      messages,
    )
    if (retried + parked > 0) throw new Error(`not consumed: ${error}`)
  }

  /** Delivers at the platform's pace while the work goes on. */
  async delivering(work: Promise<unknown>): Promise<void> {
    let isOver = false
    const ended = work.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await scheduler.wait(batchTimeoutMs)
      await this.deliver()
    }
    await ended
  }

  /** Time goes on without requests: the queue is delivered, the object hibernates, its alarm rings when it is due, until none is set. */
  async rest({ organizationId }: TestCustomer): Promise<void> {
    const stub = LEDGER.getByName(organizationId)
    for (let rings = 0; rings < 10; rings++) {
      await this.confirmed(organizationId)
      await evictDurableObject(stub)
      await this.#tap(organizationId)
      const dueAtMs = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
      if (dueAtMs === null) return
      vi.setSystemTime(Math.max(Date.now(), dueAtMs))
      if (await runDurableObjectAlarm(stub)) this.counter.addCall('alarm')
    }
    throw new Error('the object does not come to rest')
  }

  /** Waits, while the clock stands still, until Postgres has confirmed all that was settled. */
  async confirmed(organizationId: string): Promise<void> {
    await Promise.all(this.#afterAnswers.splice(0))
    for (let tries = 0; tries < 200; tries++) {
      const { unconfirmed } = await runInDurableObject<CustomerLedger, LedgerAudit>(LEDGER.getByName(organizationId), (ledger) =>
        ledger.audit(),
      )
      if (unconfirmed.length === 0) return
      await scheduler.wait(25)
      await this.deliver()
    }
    throw new Error('what was settled is never confirmed')
  }

  end(): void {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  }

  /** A stub whose every call counts, as each is a request of its own. */
  #stub(organizationId: string): CustomerLedgerRpc {
    const stub = LEDGER.getByName(organizationId) as unknown as CustomerLedgerRpc
    return new Proxy(stub, {
      get: (_, name: keyof CustomerLedgerRpc) => (given: never) => {
        this.counter.addCall(name)
        return stub[name](given)
      },
    })
  }

  /** Counts what this life of the object writes and sends. */
  async #tap(organizationId: string): Promise<void> {
    await runInDurableObject<CustomerLedger, void>(LEDGER.getByName(organizationId), (ledger, { storage }) => {
      watchWrites(
        storage,
        (cursor) => this.counter.addCursor(cursor),
        () => this.counter.add('rowsWritten'),
      )
      const { USAGE_QUEUE } = Reflect.get(ledger, 'env') as { USAGE_QUEUE: Queue<Uint8Array> }
      const send = async (message: Uint8Array) => {
        this.counter.add('queueMessages')
        this.counter.add('queueOperations', 3 * Math.ceil(message.length / 64_000))
        this.#waiting.push(message)
      }
      Object.defineProperty(USAGE_QUEUE, 'send', { value: send, configurable: true })
    })
  }
}
