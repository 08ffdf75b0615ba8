import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

/**
 * Stores the same secret under another key. False when it is no longer as it was read: replaced, removed, or rewrapped by another rotation. No two
 * wrapped keys are alike, so comparing that one column compares all.
 */
export async function saveRewrappedSecret(db: Db, place: SecretPlace, was: SealedSecret, is: SealedSecret): Promise<boolean> {
  const statement = sql`
    update secrets set kek = ${is.kek}, kek_id = ${is.kekId}, wrapped_dek = ${is.wrappedDek}, sealed = ${is.sealed}, rewrapped_at = now()
    where owner_table = ${place.table} and owner_id = ${place.row} and purpose = ${place.purpose} and wrapped_dek = ${was.wrappedDek}
    returning owner_id`
  return (await readRows(db, statement, z.object({ owner_id: z.string() }))).length > 0
}
