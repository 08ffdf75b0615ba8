import { and, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { identities } from '../../schema/index.ts'
import type { IdentityProvider } from './claim-identity.ts'

/** Unlinks a user's account at a provider; false when they have none there. */
export async function deleteIdentity(tx: Db, { userId, provider }: { userId: string; provider: IdentityProvider }): Promise<boolean> {
  const deleted = await tx
    .delete(identities)
    .where(and(eq(identities.userId, userId), eq(identities.provider, provider)))
    .returning({ userId: identities.userId })
  return deleted.length > 0
}
