import { and, desc, eq, gt, isNull, lt, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

export type SessionRow = typeof sessions.$inferSelect

/** Living sessions of somebody, the newest first; with `before`, those that are older than the session of this id. */
export function listSessions(
  db: Db,
  { userId, before, limit }: { userId: string; before: string | undefined; limit: number },
): Promise<SessionRow[]> {
  const isOlder = before === undefined ? undefined : lt(sessions.id, before)
  return db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`), isOlder))
    .orderBy(desc(sessions.id))
    .limit(limit)
}

/** Whether a session is somebody's, living or not. */
export async function isSessionOf(db: Db, { userId, sessionId }: { userId: string; sessionId: string }): Promise<boolean> {
  const found = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)))
  return found.length === 1
}
