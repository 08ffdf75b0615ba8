import type { LogPosition } from '#db/queries/usage/list-requests.ts'
import { Problem } from '#workers/edge/problem.ts'
import { decodeBase64url, encodeBase64url } from '#workers/services/secrets/base64url.ts'

/** A place in an organization's request log, as the opaque text of a page's `next`. */
export function writeCursor(organizationId: string, { createdAtMs, requestId }: LogPosition): string {
  return encodeBase64url(new TextEncoder().encode(`requests ${organizationId} ${createdAtMs} ${requestId}`))
}

/** The place that a cursor of this organization's request log means. Throws 400 for what is none, or of another list. */
export function readCursor(organizationId: string, cursor: string): LogPosition {
  const bytes = decodeBase64url(cursor)
  const [, owner, ms, requestId] = (bytes && shape.exec(new TextDecoder().decode(bytes))) ?? []
  if (owner !== organizationId || ms === undefined || requestId === undefined)
    throw new Problem('invalid_request', 'cursor: is not a cursor of this list', [
      { parameter: 'cursor', detail: 'is not a cursor of this list' },
    ])
  return { createdAtMs: Number(ms), requestId }
}

/** Thirteen digits reach into the year 2286. */
const shape = /^requests (org_\w{1,64}) (\d{1,13}) (req_\w{1,64})$/
