import { and, eq, isNull, ne, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

/** Ends the sessions of an account, all but the one that is spared; each is refused from its next request on. */
export async function endSessions(tx: Db, userId: string, sparedSessionId: string | null): Promise<void> {
  const isOther = sparedSessionId === null ? undefined : ne(sessions.id, sparedSessionId)
  await tx
    .update(sessions)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), isOther))
}
