import { and, eq, lt, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { passkeys } from '../../schema/index.ts'

/**
 * Notes that a passkey was used. False, and nothing is noted, when its counter is not ahead of the stored one, which of two at once the second finds too;
 * an authenticator that does not count says 0 each time.
 */
export async function notePasskeyUse(
  db: Db,
  { passkeyId, counter, backedUp }: { passkeyId: string; counter: number; backedUp: boolean },
): Promise<boolean> {
  const isAhead = counter === 0 ? eq(passkeys.counter, 0) : lt(passkeys.counter, counter)
  const noted = await db
    .update(passkeys)
    .set({ counter, backedUp, lastUsedAt: sql`now()` })
    .where(and(eq(passkeys.id, passkeyId), isAhead))
    .returning({ id: passkeys.id })
  return noted.length > 0
}
