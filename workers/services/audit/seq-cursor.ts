import { z } from 'zod'
import { readCursor, writeCursor } from '../cursor.ts'

/** A place in a chain as callers carry it: opaque, and of no other chain. `hash` is of the entry there, where it matters. */
export function cursorOf(chain: string, seq: number, hash = ''): string {
  return writeCursor(listOf(chain), `${seq} ${hash}`)
}

/** The place that a cursor names; throws a 400 for one that this chain did not give. */
export function placeOf(chain: string, cursor: string): { seq: number; hash: string } {
  const [seq, hash = ''] = readCursor(listOf(chain), cursor, Position)?.split(' ') ?? []
  return { seq: Number(seq), hash }
}

const Position = z.string().regex(/^[1-9]\d{0,14} (?:[0-9a-f]{64})?$/)

function listOf(chain: string): string {
  return `audit ${chain}`
}
