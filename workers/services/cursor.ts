import type { z } from 'zod'
import { Problem } from '#workers/edge/problem.ts'
import { decodeBase64url, encodeBase64url } from './secrets/base64url.ts'

/**
 * A place in a list, for the client to come back with. `list` names the list and whose it is: a cursor of another list is refused. It is not signed, because it
 * opens nothing: whoever reads behind it still reads of their own list only.
 */
export function writeCursor(list: string, position: string | number): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify([list, position])))
}

/** The place that a cursor of this list names; null without one. Throws 400 for any other text. */
export function readCursor<Position>(list: string, cursor: string | undefined, schema: z.ZodType<Position>): Position | null {
  if (cursor === undefined) return null
  const [name, position] = partsOf(cursor)
  const parsed = schema.safeParse(position)
  if (name === list && parsed.success) return parsed.data
  throw new Problem('invalid_request', 'The cursor is not one of this list.', [
    { parameter: 'cursor', detail: 'is not a cursor of this list' },
  ])
}

/** One page of rows that were read with one more than `limit`: that one only tells that there is another page. */
export function pageFrom<Row>(
  { rows, limit, list }: { rows: Row[]; limit: number; list: string },
  positionOf: (row: Row) => string | number,
): { data: Row[]; next: string | null } {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, next: rows.length > limit && last !== undefined ? writeCursor(list, positionOf(last)) : null }
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(decodeBase64url(cursor) ?? new Uint8Array()),
    )
    return Array.isArray(parts) ? parts : []
  } catch {
    return []
  }
}
