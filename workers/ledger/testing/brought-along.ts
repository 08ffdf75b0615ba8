import type { Idempotency } from '#shared/contracts/ledger.ts'

/** A third of the requests of a run bring one of a few idempotency keys, most of them for the same body. */
export function idempotencyOf(requestId: string): Idempotency | undefined {
  const index = indexOf(requestId)
  if (index % 3 !== 0) return undefined
  return { keyHash: `key ${Math.floor(index / 20) % 10}`, bodyHash: index % 5 === 0 ? 'another' : 'one' }
}

/** One in seven is served by the customer's own provider credentials alone. */
export function isByok(requestId: string): boolean {
  return indexOf(requestId) % 7 === 0
}

function indexOf(requestId: string): number {
  return Number(requestId.slice('req_'.length))
}
