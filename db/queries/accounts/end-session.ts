import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

/** Ends one session of somebody; false when they have none of this id, or it was ended before. */
export async function endSession(tx: Db, { userId, sessionId }: { userId: string; sessionId: string }): Promise<boolean> {
  const ended = await tx
    .update(sessions)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.revokedAt)))
    .returning({ id: sessions.id })
  return ended.length === 1
}
