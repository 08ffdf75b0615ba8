import { and, eq, isNull } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { passkeys, users } from '../../schema/index.ts'

export interface FoundPasskey {
  passkeyId: string
  userId: string
  credentialId: string
  /** COSE key, base64url. */
  publicKey: string
  counter: number
}

/** The passkey of a credential whose owner has an account; null when there is none. */
export async function findPasskey(db: Db, credentialId: string): Promise<FoundPasskey | null> {
  const { id: passkeyId, userId, publicKey, counter } = passkeys
  const [found] = await db
    .select({ passkeyId, userId, credentialId: passkeys.credentialId, publicKey, counter })
    .from(passkeys)
    .innerJoin(users, eq(users.id, passkeys.userId))
    .where(and(eq(passkeys.credentialId, credentialId), isNull(users.deletedAt)))
  return found ?? null
}
