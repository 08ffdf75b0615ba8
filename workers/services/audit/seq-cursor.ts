import { Problem } from '#workers/edge/problem.ts'
import { decodeBase64url, encodeBase64url } from '../secrets/base64url.ts'

/** A place in a chain as callers carry it: opaque, and of no other chain. `hash` is of the entry there, where it matters. */
export function cursorOf(chain: string, seq: number, hash = ''): string {
  return encodeBase64url(new TextEncoder().encode(`${chain} ${seq} ${hash}`))
}

/** The place that a cursor names; throws a 400 for one that this chain did not give. */
export function placeOf(chain: string, cursor: string): { seq: number; hash: string } {
  const text = new TextDecoder().decode(decodeBase64url(cursor) ?? new Uint8Array())
  const [, of, seq, hash = ''] = /^(\S+) ([1-9]\d{0,14}) ([0-9a-f]{64}|)$/.exec(text) ?? []
  if (of !== chain || seq === undefined)
    throw new Problem('invalid_request', 'cursor: is not a cursor of this list', [
      { parameter: 'cursor', detail: 'is not a cursor of this list' },
    ])
  return { seq: Number(seq), hash }
}
