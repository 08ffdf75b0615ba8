import { and, desc, eq, isNotNull } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { signingKeys } from '../../schema/index.ts'

/** The public halves of every pair that ever signed receipts, the newest first. */
export function listPublicKeys(db: Db) {
  return db
    .select({ id: signingKeys.id, publicJwk: signingKeys.publicJwk })
    .from(signingKeys)
    .where(and(eq(signingKeys.purpose, 'receipt'), isNotNull(signingKeys.publicJwk)))
    .orderBy(desc(signingKeys.createdAt))
}
