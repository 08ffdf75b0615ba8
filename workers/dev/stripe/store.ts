import { randomInt } from 'node:crypto'
import type { Kinds } from './objects.ts'
import { invalidRequest, StripeRefusal } from './refusal.ts'

export type Kind = keyof Kinds
type Tables = { [K in Kind]: Map<string, Kinds[K]> }

/** Everything this Stripe knows, in memory. Objects change in place. */
export class Store {
  readonly #tables: Tables = {
    customer: new Map(),
    payment_method: new Map(),
    setup_intent: new Map(),
    payment_intent: new Map(),
    charge: new Map(),
    refund: new Map(),
    dispute: new Map(),
    invoice: new Map(),
    invoice_payment: new Map(),
    'checkout.session': new Map(),
    'billing_portal.session': new Map(),
    event: new Map(),
  }

  add<K extends Kind>(kind: K, object: Kinds[K]): Kinds[K] {
    this.#tables[kind].set(object.id, object)
    return object
  }

  find<K extends Kind>(kind: K, id: string | null): Kinds[K] | undefined {
    return this.#tables[kind].get(id ?? '')
  }

  /** Refuses as Stripe does: 404 for what a path names, 400 for what the parameter `param` does. */
  need<K extends Kind>(kind: K, id: string | null, param?: string): Kinds[K] {
    const found = this.find(kind, id)
    if (found) return found
    const message = `No such ${kind}: '${id}'`
    if (param === undefined) throw new StripeRefusal(404, 'invalid_request_error', message, { code: 'resource_missing', param: 'id' })
    throw invalidRequest(message, { code: 'resource_missing', param })
  }

  /** The newest first. */
  list<K extends Kind>(kind: K): Kinds[K][] {
    return [...this.#tables[kind].values()].reverse()
  }
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An id such as `cus_` and 24 letters and digits. */
export function newId(prefix: string): string {
  return `${prefix}_${Array.from({ length: 24 }, () => alphabet[randomInt(alphabet.length)]).join('')}`
}

/** Seconds since the epoch. */
export function now(): number {
  return Math.floor(Date.now() / 1_000)
}

/** What every object begins with. */
export function newObject<Name extends string>(
  object: Name,
  prefix: string,
): { id: string; object: Name; created: number; livemode: false } {
  return { id: newId(prefix), object, created: now(), livemode: false }
}
