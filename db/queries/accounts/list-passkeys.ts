import { asc, eq } from 'drizzle-orm'
import type { Db } from '../../client.ts'
import { passkeys } from '../../schema/index.ts'

/** A person's passkeys, the oldest first. */
export async function listPasskeys(db: Db, userId: string): Promise<PasskeyRow[]> {
  return db.select(passkeyColumns).from(passkeys).where(eq(passkeys.userId, userId)).orderBy(asc(passkeys.id))
}

/** What others than the sign-in know of a passkey. */
export const passkeyColumns = {
  passkeyId: passkeys.id,
  credentialId: passkeys.credentialId,
  name: passkeys.name,
  transports: passkeys.transports,
  backedUp: passkeys.backedUp,
  createdAt: passkeys.createdAt,
  lastUsedAt: passkeys.lastUsedAt,
}

export interface PasskeyRow {
  passkeyId: string
  credentialId: string
  name: string
  transports: string[]
  backedUp: boolean
  createdAt: Date
  lastUsedAt: Date | null
}
