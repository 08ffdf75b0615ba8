import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions, users } from '../../schema/index.ts'

/** Whose a living session is, and when it ends; null when it has ended, or its person is deleted. */
export async function readLivingSession(db: Db, sessionId: string): Promise<{ userId: string; expiresAt: Date } | null> {
  const [row] = await db
    .select({ userId: sessions.userId, expiresAt: sessions.expiresAt })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`), isNull(users.deletedAt)))
  return row ?? null
}
