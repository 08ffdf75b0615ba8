import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { AccountSnapshot, KeyFacts } from '#shared/contracts/account.ts'
import type { AdmitOutcome, HoldReference, Idempotency } from '#shared/contracts/ledger.ts'
import { eventIdOf, type RequestFacts, type Settlement, UsageBatch, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { unpackUsageMessage } from '#shared/contracts/usage-message.ts'
import type { CustomerLedger } from '../customer-ledger.ts'
import { type Env, readSettings } from '../env.ts'

/** The pool gives tests the bindings of `[env.ledger]`, and the variables that scale the long suites. */
export const bindings = env as unknown as {
  LEDGER: DurableObjectNamespace<CustomerLedger>
  FLUSH_MS: string
  RELAY_LONG: string
  RELAY_SEED: string
}

export const { leaseMs, resendAfterMs } = readSettings(bindings as unknown as Env)

/** Tests run at a time of their own, so that no alarm rings by itself; `scheduler.wait` goes on in real time. */
export const startMs = Date.UTC(2030, 0, 15, 12)

export function stopClock(nowMs: number = startMs): void {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs })
}

export function passTime(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

/** Waits until what was decided before is on disk. */
export async function flushed(): Promise<void> {
  await scheduler.wait(Number(bindings.FLUSH_MS) + 10)
}

export interface HoldTerms {
  holdNanos?: number
  reservedTokens?: number
  keyId?: string
  model?: string
  clientIp?: string
  startedAtMs?: number
  idempotency?: Idempotency | undefined
  snapshot?: AccountSnapshot
  credentialsVersion?: number
  isByok?: boolean
}

/** One customer of the ledger as tests play it: its proxy, its Postgres row, and the machine its object runs on. */
export class Customer {
  readonly organizationId: string
  #account: AccountSnapshot

  constructor(organizationId: string, account: Partial<AccountSnapshot> = {}) {
    this.organizationId = organizationId
    this.#account = {
      organizationId,
      status: 'active',
      balanceNanos: 1_000,
      overdraftNanos: 0,
      version: 1,
      limits: {},
      keys: [key('key_1')],
      ...account,
    }
  }

  get ledger(): DurableObjectStub<CustomerLedger> {
    return bindings.LEDGER.getByName(this.organizationId)
  }

  /** The account as Postgres has it, after a change that raised its version. */
  changed(changes: Partial<AccountSnapshot>): AccountSnapshot {
    this.#account = { ...this.#account, version: this.#account.version + 1, ...changes }
    return this.#account
  }

  get account(): AccountSnapshot {
    return this.#account
  }

  /** Lets the object know the account, as an authentication miss would. */
  async known(): Promise<this> {
    await this.ledger.refresh({ snapshot: this.#account })
    return this
  }

  async push(changes: Partial<AccountSnapshot>): Promise<void> {
    await this.ledger.refresh({ snapshot: this.changed(changes) })
  }

  async admit(requestId: string, terms: HoldTerms = {}): Promise<AdmitOutcome> {
    const { snapshot, credentialsVersion, isByok } = terms
    return await this.ledger.admit({
      ...reference(requestId, terms),
      ...(snapshot && { snapshot }),
      ...(credentialsVersion !== undefined && { credentialsVersion }),
      ...(isByok && { isByok }),
    })
  }

  /** `admitted`, `snapshot_required`, or the reason of the refusal. */
  async verdict(requestId: string, terms: HoldTerms = {}): Promise<string> {
    const outcome = await this.admit(requestId, terms)
    return outcome.outcome === 'refused' ? outcome.reason : outcome.outcome
  }

  async renew(requestId: string, costNanos: number, terms: HoldTerms = {}): Promise<string> {
    return (await this.ledger.renew({ ...reference(requestId, terms), report: settlement(costNanos) })).outcome
  }

  async settle(requestId: string, costNanos: number, terms: HoldTerms = {}, facts: Partial<Settlement> = {}) {
    const [outcome] = await this.ledger.settle({
      settlements: [{ ...reference(requestId, terms), settlement: { ...settlement(costNanos), ...facts } }],
    })
    return outcome
  }

  async sums(keyId = 'key_1'): Promise<{ availableNanos: number; heldNanos: number; unconfirmedNanos: number }> {
    const known = await this.ledger.standing({ keyId, snapshot: this.#account })
    if (known.outcome !== 'known') throw new Error(`standing of ${this.organizationId}: ${known.outcome}`)
    return { availableNanos: known.standing.availableNanos, heldNanos: known.heldNanos, unconfirmedNanos: known.unconfirmedNanos }
  }

  /** Ends the object's life in memory after its running work. */
  async evict(): Promise<void> {
    await evictDurableObject(this.ledger)
  }

  /** Ends the object's life, and that of all others, as a lost machine does: what was not written is gone. */
  async crash(): Promise<void> {
    await abortAllDurableObjects()
  }

  /** Rings the alarm that the latest decisions have armed. False when none was set. */
  async ring(): Promise<boolean> {
    await flushed()
    return await runDurableObjectAlarm(this.ledger)
  }

  async inside<Result>(look: (instance: CustomerLedger, state: DurableObjectState) => Result | Promise<Result>): Promise<Result> {
    return await runInDurableObject<CustomerLedger, Result>(this.ledger, look)
  }

  async rows(): Promise<{ slot: number; kind: string; body: string }[]> {
    return await this.inside((_, state) =>
      state.storage.sql.exec<{ slot: number; kind: string; body: string }>('SELECT slot, kind, body FROM journal ORDER BY slot').toArray(),
    )
  }

  async kinds(): Promise<string[]> {
    return (await this.rows()).map(({ kind }) => kind)
  }

  /** Settled events on disk, as they wait for Postgres. */
  async waiting(): Promise<UsageEvent[]> {
    const settled = (await this.rows()).filter(({ kind }) => kind === 'settled')
    return settled.flatMap(({ body }) => JSON.parse(body) as UsageEvent[])
  }

  /** Posts events as Postgres would, in one transaction, and returns the notice. */
  post(events: UsageEvent[]): { eventIds: string[]; balanceNanos: number; version: number } {
    const spentNanos = events.reduce((sum, event) => sum + event.amountNanos, 0)
    const { balanceNanos, version } = this.changed({ balanceNanos: this.#account.balanceNanos + spentNanos })
    return { eventIds: events.map(eventIdOf), balanceNanos, version }
  }

  async confirmAll(): Promise<void> {
    await this.ledger.applied(this.post(await this.waiting()))
  }
}

export function key(keyId: string, facts: Partial<KeyFacts> = {}): KeyFacts {
  return { keyId, limits: {}, allowedModels: null, expiresAtMs: null, ...facts }
}

export function reference(requestId: string, terms: HoldTerms = {}): HoldReference {
  const {
    holdNanos = 100,
    reservedTokens = 10,
    keyId = 'key_1',
    model = 'gpt-test',
    startedAtMs = Date.now(),
    clientIp,
    idempotency,
  } = terms
  const request = facts(requestId, { keyId, model, startedAtMs, ...(clientIp !== undefined && { clientIp }) })
  return { request, holdNanos, reservedTokens, ...(idempotency && { idempotency }) }
}

export function facts(requestId: string, given: Partial<RequestFacts> = {}): RequestFacts {
  return {
    requestId,
    keyId: 'key_1',
    model: 'gpt-test',
    priceVersionId: 'prc_1',
    method: 'POST',
    path: '/v1/chat/completions',
    clientIp: '192.0.2.1',
    userAgent: 'test',
    startedAtMs: Date.now(),
    ...given,
  }
}

export function settlement(costNanos: number, given: Partial<Settlement> = {}): Settlement {
  return {
    costNanos,
    usage: { inputTokens: 1, outputTokens: 1 },
    estimated: false,
    capped: false,
    end: 'completed',
    status: 200,
    routeId: 'rte_1',
    upstream: 'test',
    latencyMs: 10,
    timeToFirstTokenMs: 5,
    ...given,
  }
}

/** Gathers what the object hands to its queue from now on, parsed as the usage Worker parses it. The binding is shared by all objects. */
export async function tapQueue(customer: Customer, messages: UsageBatch[] = []): Promise<UsageBatch[]> {
  await customer.inside((instance) => {
    const { USAGE_QUEUE } = Reflect.get(instance, 'env') as { USAGE_QUEUE: Queue<Uint8Array> }
    const send = async (message: Uint8Array) => {
      const batch = UsageBatch.parse(await unpackUsageMessage(message))
      if (batch.organizationId === customer.organizationId) messages.push(batch)
    }
    Object.defineProperty(USAGE_QUEUE, 'send', { value: send, configurable: true })
  })
  return messages
}
