import type { Db } from '#db/client.ts'
import { isSessionOf, listSessions as listSessionRows, type SessionRow } from '#db/queries/accounts/list-sessions.ts'
import type { PageQuery } from '#shared/contracts/api/page.ts'
import { parameters } from '#shared/contracts/api/parameters.ts'
import { Problem } from '#workers/edge/problem.ts'
import { decodeBase64url, encodeBase64url } from '#workers/services/secrets/base64url.ts'

/** A page of somebody's living sessions, the newest first. Throws 400 for a cursor that names no session of theirs. */
export async function listSessions(
  db: Db,
  userId: string,
  { cursor, limit }: PageQuery,
): Promise<{ sessions: SessionRow[]; next: string | null }> {
  const before = cursor === undefined ? undefined : await sessionOfCursor(db, userId, cursor)
  const rows = await listSessionRows(db, { userId, before, limit: limit + 1 })
  const sessions = rows.slice(0, limit)
  const last = rows.length > limit ? sessions.at(-1) : undefined
  return { sessions, next: last ? encodeBase64url(new TextEncoder().encode(last.id)) : null }
}

async function sessionOfCursor(db: Db, userId: string, cursor: string): Promise<string> {
  const bytes = decodeBase64url(cursor)
  const sessionId = parameters.sessionId.safeParse(bytes && new TextDecoder().decode(bytes)).data
  if (sessionId !== undefined && (await isSessionOf(db, { userId, sessionId }))) return sessionId
  const [parameter, detail] = ['cursor', 'is not a cursor that this list gave']
  throw new Problem('invalid_request', `${parameter}: ${detail}`, [{ parameter, detail }])
}
