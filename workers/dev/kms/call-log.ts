import type { EncryptionContext } from './encryption-context.ts'
import type { RefusalType } from './refusal.ts'

/** One call as it came in. Never a plaintext, never a ciphertext, never a signature. */
export type KmsCall = {
  /** Milliseconds since the epoch when the call arrived. */
  at: number
  requestId: string
  /** As `X-Amz-Target` named it, without `TrentService.`; empty when there was none. */
  operation: string
  /** The key as the caller named it: what new ciphertext is made by, or what made the old one. */
  keyId: string | null
  /** ARN of the key that did the work; null when none did. */
  keyArn: string | null
  context: EncryptionContext | null
  /** Of a `ReEncrypt`, whose `context` is that of the source. */
  destinationContext: EncryptionContext | null
  outcome: 'ok' | 'cut' | RefusalType
}

const keptCalls = 100_000

/** The newest calls in the order they ended. */
export class CallLog {
  #calls: KmsCall[] = []

  add(call: KmsCall): void {
    this.#calls.push(call)
    if (this.#calls.length > 2 * keptCalls) this.#calls = this.#calls.slice(-keptCalls)
  }

  list(): readonly KmsCall[] {
    return this.#calls.slice(-keptCalls)
  }

  clear(): void {
    this.#calls = []
  }
}
