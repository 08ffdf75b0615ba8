import { eq, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { sessions } from '../../schema/index.ts'

/** Notes that a session was in use, and from where. */
export async function noteSessionSeen(db: Db, sessionId: string, ip: string): Promise<void> {
  await db.update(sessions).set({ lastSeenAt: sql`now()`, ip }).where(eq(sessions.id, sessionId))
}

/** Notes that whoever has a session has just shown who they are; a second factor once shown counts to its end. */
export async function noteAuthenticated(tx: Db, sessionId: string, { secondFactor }: { secondFactor: boolean }): Promise<void> {
  await tx
    .update(sessions)
    .set({ authenticatedAt: sql`now()`, secondFactor: sql`${sessions.secondFactor} or ${secondFactor}` })
    .where(eq(sessions.id, sessionId))
}
