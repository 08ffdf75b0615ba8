import { asc, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { identities } from '../../schema/index.ts'

/** Accounts at providers by which a person signs in, at most one of each. */
export async function listIdentities(db: Db, userId: string) {
  const { provider, email, createdAt } = identities
  return db.select({ provider, email, createdAt }).from(identities).where(eq(identities.userId, userId)).orderBy(asc(provider))
}
