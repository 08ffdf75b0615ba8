import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { identities } from '../../schema/index.ts'

export type IdentityProvider = (typeof identities.$inferSelect)['provider']

/** Whose account at a provider is. */
export interface IdentityKey {
  provider: IdentityProvider
  subject: string
}

/** Locks an account at a provider until the end of the transaction, whether it is known here or not, and tells whose it is; null for nobody's. */
export async function claimIdentity(tx: Db, { provider, subject }: IdentityKey): Promise<string | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`identity ${provider} ${subject}`}, 0))`)
  const [found] = await tx
    .select({ userId: identities.userId })
    .from(identities)
    .where(and(eq(identities.provider, provider), eq(identities.subject, subject)))
  return found?.userId ?? null
}
