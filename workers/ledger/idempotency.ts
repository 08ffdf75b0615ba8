import type { EarlierRequest, Idempotency, RefusalReason } from '#shared/contracts/ledger.ts'
import type { Settlement } from '#shared/contracts/usage-event.ts'
import { idempotencyKeptMs, idempotencyKeysKept, inFlightRetryMs } from './limits.ts'

/** How the request that took an idempotency key has ended. */
export interface EndedUse {
  bodyHash: string
  requestId: string
  costNanos: number
  endedAtMs: number
}

/** Why a request may not run under its key. */
export interface TakenKey {
  reason: Extract<RefusalReason, `idempotency_${string}`>
  retryAfterMs: number | null
  earlier: EarlierRequest
}

/**
 * Who has taken which idempotency key of one customer: the requests that run under one, and those that ended with something delivered or charged.
 * A request that ended otherwise, or was released, leaves its key free, so that a retry can succeed.
 */
export class IdempotencyBook {
  /** Body hashes by request by key. Two run under one key only after a machine was lost before it wrote that the first had freed it. */
  readonly #running = new Map<string, Map<string, string>>()
  /** By key, in the order in which they ended. */
  readonly #ended = new Map<string, EndedUse>()

  /** Null when the key is free. */
  taken({ keyHash, bodyHash }: Idempotency, nowMs: number): TakenKey | null {
    const use = this.#runningUse(keyHash) ?? this.#keptUse(keyHash, nowMs)
    if (!use) return null
    const earlier = { requestId: use.requestId, costNanos: use.costNanos }
    if (use.bodyHash !== bodyHash) return { reason: 'idempotency_key_reused', retryAfterMs: null, earlier }
    if (use.costNanos === null) return { reason: 'idempotency_running', retryAfterMs: inFlightRetryMs, earlier }
    return { reason: 'idempotency_ended', retryAfterMs: null, earlier }
  }

  ended(keyHash: string): EndedUse | undefined {
    return this.#ended.get(keyHash)
  }

  begin({ keyHash, bodyHash }: Idempotency, requestId: string): void {
    const running = this.#running.get(keyHash)
    if (running) running.set(requestId, bodyHash)
    else this.#running.set(keyHash, new Map([[requestId, bodyHash]]))
  }

  leave({ keyHash }: Idempotency, requestId: string): void {
    const running = this.#running.get(keyHash)
    running?.delete(requestId)
    if (running?.size === 0) this.#running.delete(keyHash)
  }

  /** Notes how a request ended. The truth about an orphan may free a key that its estimate had taken, and take one that it had not. */
  end({ keyHash, bodyHash }: Idempotency, requestId: string, settlement: Settlement, endedAtMs: number): void {
    if (takesKey(settlement)) this.keep(keyHash, { bodyHash, requestId, costNanos: settlement.costNanos, endedAtMs })
    else if (this.#ended.get(keyHash)?.requestId === requestId) this.#ended.delete(keyHash)
  }

  keep(keyHash: string, use: EndedUse): void {
    this.#ended.delete(keyHash)
    this.#ended.set(keyHash, use)
  }

  /** Forgets what is too old and, oldest first, what is too much; answers the keys. */
  dropOld(nowMs: number): string[] {
    const dropped: string[] = []
    for (const [keyHash, use] of this.#ended) {
      if (this.#ended.size <= idempotencyKeysKept && isKept(use, nowMs)) break
      this.#ended.delete(keyHash)
      dropped.push(keyHash)
    }
    return dropped
  }

  #runningUse(keyHash: string): { requestId: string; bodyHash: string; costNanos: null } | null {
    const [running] = this.#running.get(keyHash) ?? []
    return running ? { requestId: running[0], bodyHash: running[1], costNanos: null } : null
  }

  #keptUse(keyHash: string, nowMs: number): EndedUse | null {
    const use = this.#ended.get(keyHash)
    return use && isKept(use, nowMs) ? use : null
  }
}

/** Charged, or answered with success. An orphan that is charged nothing has shown no sign of an answer. */
function takesKey({ costNanos, status, end }: Settlement): boolean {
  return costNanos > 0 || (status === 200 && end !== 'expired')
}

function isKept({ endedAtMs }: EndedUse, nowMs: number): boolean {
  return nowMs - endedAtMs < idempotencyKeptMs
}
