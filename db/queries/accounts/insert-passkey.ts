import type { Db } from '../../client.ts'
import { passkeys } from '../../schema/index.ts'
import { type PasskeyRow, passkeyColumns } from './list-passkeys.ts'

export interface PasskeyToInsert {
  id: string
  userId: string
  name: string
  credentialId: string
  publicKey: string
  counter: number
  transports: string[]
  backedUp: boolean
}

/** Stores a passkey; null when its credential is registered already, whosever it is. */
export async function insertPasskey(tx: Db, passkey: PasskeyToInsert): Promise<PasskeyRow | null> {
  const inserted = await tx
    .insert(passkeys)
    .values(passkey)
    .onConflictDoNothing({ target: passkeys.credentialId })
    .returning(passkeyColumns)
  return inserted[0] ?? null
}
