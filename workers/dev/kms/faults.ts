import { z } from 'zod'
import { KmsRefusal, type RefusalType } from './refusal.ts'

/** Errors of KMS itself, which a well-made and well-signed call can meet. */
const errors = {
  throttled: 'ThrottlingException',
  denied: 'AccessDeniedException',
  internal: 'KMSInternalException',
  timeout: 'DependencyTimeoutException',
  unavailable: 'KeyUnavailableException',
} as const satisfies Record<string, RefusalType>

const messages: Partial<Record<RefusalType, string>> = {
  ThrottlingException: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  AccessDeniedException: 'You do not have sufficient access to perform this action.',
}

/** `down` cuts the connection, `slow` does nothing but wait; each can wait first. Without a count it lasts until it is undone. */
export const Fault = z.strictObject({
  kind: z.enum(['down', 'slow', 'throttled', 'denied', 'internal', 'timeout', 'unavailable']),
  delayMs: z.int().min(0).max(600_000).default(0),
  count: z.int().min(1).optional(),
})
export type Fault = z.output<typeof Fault>

/** The fault in force, if any: one at a time, for all keys. */
export class Faults {
  #fault: Fault | undefined
  #left = 0

  set(fault: Fault): void {
    this.#fault = fault
    this.#left = fault.count ?? Number.POSITIVE_INFINITY
  }

  clear(): void {
    this.#left = 0
  }

  /** What befalls the call that has just arrived. */
  take(): Fault | undefined {
    if (this.#left < 1) return undefined
    this.#left -= 1
    return this.#fault
  }
}

export function throwFault(fault: Fault | undefined): void {
  if (!fault || fault.kind === 'slow' || fault.kind === 'down') return
  const type = errors[fault.kind]
  throw new KmsRefusal(type, messages[type])
}
