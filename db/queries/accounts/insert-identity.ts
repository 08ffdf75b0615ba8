import type { Db } from '../../client.ts'
import { identities } from '../../schema/index.ts'
import type { IdentityKey } from './claim-identity.ts'

/** Links an account at a provider, claimed in this transaction, to a user; false when they have another one there. */
export async function insertIdentity(tx: Db, identity: IdentityKey & { userId: string; email: string }): Promise<boolean> {
  const inserted = await tx
    .insert(identities)
    .values(identity)
    .onConflictDoNothing({ target: [identities.userId, identities.provider] })
    .returning({ userId: identities.userId })
  return inserted.length > 0
}
