import type { Idempotency } from '#shared/contracts/ledger.ts'
import { sha256Hex } from '#shared/values/sha256.ts'
import { ApiError } from '#workers/edge/api-error.ts'

/** One to 255 printable characters of ASCII, as Stripe bounds it. */
const wellFormed = /^[\x20-\x7e]{1,255}$/

/** What the client calls this request in `Idempotency-Key`; null when it does not say. Throws 400 for what is no key. */
export function readIdempotencyKey(request: Request): string | null {
  const idempotencyKey = request.headers.get('idempotency-key')
  if (idempotencyKey === null || wellFormed.test(idempotencyKey)) return idempotencyKey
  throw new ApiError('invalid_request', { message: 'Idempotency-Key must have 1 to 255 printable ASCII characters.' })
}

/**
 * What the ledger remembers of a key and its request: hashes, so that it can tell the same request from another and nobody can read either. Two API
 * keys never share an idempotency key. An id holds no line feed, and a method and path hold none, so no two requests hash the same text.
 */
export async function idempotencyOf(
  keyId: string,
  idempotencyKey: string,
  method: string,
  path: string,
  bytes: Uint8Array,
): Promise<Idempotency> {
  const encoder = new TextEncoder()
  const [keyHash, bodyHash] = await Promise.all([
    sha256Hex(encoder.encode(`${keyId}\n${idempotencyKey}`)),
    // The body is hashed by itself first: a copy of 20 MB behind its path would cost more than the hash.
    sha256Hex(bytes).then((hash) => sha256Hex(encoder.encode(`${method}\n${path}\n${hash}`))),
  ])
  return { keyHash, bodyHash }
}
