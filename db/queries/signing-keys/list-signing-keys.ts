import { and, desc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../../client.ts'
import { secrets, signingKeys } from '../../schema/index.ts'

export type SigningPurpose = (typeof signingKeys.$inferSelect)['purpose']
/** Of keys that verify by what is secret. */
export type SecretPurpose = Exclude<SigningPurpose, 'receipt'>

/** A signing key with its sealed secret. */
export interface StoredSigningKey {
  id: string
  isRetired: boolean
  ageMs: number
  sealed: SealedSecret
}

/** The keys of a purpose that sign, or were retired less than `verifiedMs` ago, the newest first. */
export async function listSigningKeys(db: Db, purpose: SigningPurpose, verifiedMs: number): Promise<StoredSigningKey[]> {
  const { version, kek, kekId, wrappedDek, sealed } = secrets
  const stillVerifies = or(
    isNull(signingKeys.retiredAt),
    gt(signingKeys.retiredAt, sql`now() - make_interval(secs => ${verifiedMs / 1_000})`),
  )
  return db
    .select({
      id: signingKeys.id,
      isRetired: sql<boolean>`${signingKeys.retiredAt} is not null`,
      ageMs: sql`extract(epoch from now() - ${signingKeys.createdAt}) * 1000`.mapWith(Number),
      sealed: { version, kek, kekId, wrappedDek, sealed },
    })
    .from(signingKeys)
    .innerJoin(secrets, and(eq(secrets.ownerTable, 'signing_keys'), eq(secrets.ownerId, signingKeys.id), eq(secrets.purpose, 'key')))
    .where(and(eq(signingKeys.purpose, purpose), stillVerifies))
    .orderBy(desc(signingKeys.createdAt))
}
