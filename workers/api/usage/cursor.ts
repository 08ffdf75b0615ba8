import { z } from 'zod'
import type { LogPosition } from '#db/queries/usage/list-requests.ts'
import { readCursor, writeCursor } from '#workers/services/cursor.ts'

/** A place in an organization's request log, as the opaque text of a page's `next`. */
export function writeLogCursor(organizationId: string, { createdAtMs, requestId }: LogPosition): string {
  return writeCursor(listOf(organizationId), `${createdAtMs} ${requestId}`)
}

/** The place that a cursor of this organization's request log names; null without one. Throws 400 for what is none, or of another list. */
export function readLogCursor(organizationId: string, cursor: string | undefined): LogPosition | null {
  const position = readCursor(listOf(organizationId), cursor, Position)
  const [ms, requestId = ''] = position?.split(' ') ?? []
  return position === null ? null : { createdAtMs: Number(ms), requestId }
}

/** Thirteen digits reach into the year 2286. */
const Position = z.string().regex(/^\d{1,13} req_\w{1,64}$/)

function listOf(organizationId: string): string {
  return `requests ${organizationId}`
}
