import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

/** Notes that whoever has a session has just shown who they are, with a second factor. */
export async function refreshAuthentication(tx: Db, sessionId: string): Promise<void> {
  await tx
    .update(sessions)
    .set({ authenticatedAt: sql`now()`, secondFactor: true })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)))
}
