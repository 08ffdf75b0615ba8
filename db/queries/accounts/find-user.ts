import { and, eq, isNull } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { users } from '../../schema/index.ts'

export type UserRow = typeof users.$inferSelect

/** The account of an address in lower case; null when there is none. */
export async function findUserByEmail(db: Db, email: string): Promise<UserRow | null> {
  const [row] = await db.select().from(users).where(eq(users.email, email))
  return row ?? null
}

/**
 * Locks the account until the transaction ends, and reads it as it is then; null when it is deleted. Whoever changes an account takes this lock before
 * any on what belongs to it, so that two changes never wait for each other.
 */
export async function lockUser(tx: Db, userId: string): Promise<UserRow | null> {
  const [row] = await tx
    .select()
    .from(users)
    .where(and(eq(users.id, userId), isNull(users.deletedAt)))
    .for('no key update')
  return row ?? null
}
