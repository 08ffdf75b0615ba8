import { createHmac } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import Stripe from 'stripe'
import type { Cause, StripeEvent } from './objects.ts'
import { newObject, type Store } from './store.ts'

/** One sending of an event: the status of the answer, or why there was none. */
export interface Attempt {
  at: number
  status: number | null
  error: string | null
}

export const webhookModes = ['send', 'hold', 'drop'] as const
/** `hold`: events wait until they are let go. `drop`: they are never sent, as when Stripe gave up. */
export type WebhookMode = (typeof webhookModes)[number]

export interface WebhookTarget {
  url: string
  secret: string
  /** Waits between one attempt and the next; after the last one the event is given up. */
  retryWaitsMs?: readonly number[]
}

/** No request of the API made it happen. */
export const noRequest: Cause = { id: null, idempotency_key: null }

const defaultWaitsMs = [1_000, 3_000, 10_000, 30_000, 60_000]
const answerTimeoutMs = 10_000

/** Makes events and sends each to the one endpoint, signed, until it is answered by a 2xx. They may arrive in any order and more than once. */
export class Webhooks {
  readonly #store: Store
  readonly #target: WebhookTarget
  /** Bodies as they were when the event happened, and what was answered, by event id. */
  readonly #bodies = new Map<string, string>()
  readonly #attempts = new Map<string, Attempt[]>()
  readonly #closing = new AbortController()
  #held: StripeEvent[] = []
  #mode: WebhookMode = 'send'

  constructor(store: Store, target: WebhookTarget) {
    this.#store = store
    this.#target = target
  }

  /** The object is told of as it is now. */
  record(type: string, object: object, cause: Cause): void {
    const event: StripeEvent = {
      ...newObject('event', 'evt'),
      api_version: Stripe.API_VERSION,
      data: { object: structuredClone(object) },
      pending_webhooks: 1,
      request: cause,
      type,
    }
    this.#store.add('event', event)
    this.#bodies.set(event.id, JSON.stringify(event))
    this.#attempts.set(event.id, [])
    void this.#deliver(event)
  }

  set mode(mode: WebhookMode) {
    this.#mode = mode
    if (mode !== 'send') return
    const held = this.#held
    this.#held = []
    for (const event of held) void this.#deliver(event)
  }

  attemptsOf(eventId: string): Attempt[] {
    return this.#attempts.get(eventId) ?? []
  }

  /** Sends it once, whatever the mode and however often it was sent before. */
  async send(event: StripeEvent): Promise<Attempt> {
    const attempt = await this.#post(this.#bodies.get(event.id) ?? '')
    this.attemptsOf(event.id).push(attempt)
    if (isTaken(attempt)) event.pending_webhooks = 0
    return attempt
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closing.abort()
  }

  async #deliver(event: StripeEvent): Promise<void> {
    const { signal } = this.#closing
    for (const waitMs of [0, ...(this.#target.retryWaitsMs ?? defaultWaitsMs)]) {
      if (waitMs > 0) await wait(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted || this.#mode === 'drop') return
      if (this.#mode === 'hold') {
        this.#held.push(event)
        return
      }
      if (isTaken(await this.send(event))) return
    }
  }

  async #post(body: string): Promise<Attempt> {
    const at = Date.now()
    const timestamp = Math.floor(at / 1_000)
    const signature = createHmac('sha256', this.#target.secret).update(`${timestamp}.${body}`).digest('hex')
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': `t=${timestamp},v1=${signature}`,
    }
    const signal = AbortSignal.any([AbortSignal.timeout(answerTimeoutMs), this.#closing.signal])
    try {
      const response = await fetch(this.#target.url, { method: 'POST', headers, body, signal, redirect: 'manual' })
      await response.body?.cancel()
      return { at, status: response.status, error: null }
    } catch (error) {
      return { at, status: null, error: String(error) }
    }
  }
}

function isTaken({ status }: Attempt): boolean {
  return status !== null && status >= 200 && status < 300
}
