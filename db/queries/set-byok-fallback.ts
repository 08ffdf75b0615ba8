import { eq, sql } from 'drizzle-orm'
import type { Db } from '../client.ts'
import { organizations } from '../schema/index.ts'

/** Sets whether a request that no credential could serve is served with the balance. Answers false when there is no such customer. */
export async function setByokFallback(db: Db, organizationId: string, byokFallback: boolean): Promise<boolean> {
  const changed = await db
    .update(organizations)
    .set({
      byokFallback,
      credentialsVersion: sql`${organizations.credentialsVersion} + 1`,
      balanceVersion: sql`${organizations.balanceVersion} + 1`,
    })
    .where(eq(organizations.id, organizationId))
    .returning({ id: organizations.id })
  return changed.length === 1
}
