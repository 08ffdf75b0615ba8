import { type SQL, sql } from 'drizzle-orm'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'

/**
 * Stores a secret beside its owner: a statement for the transaction, or the `with` part, that writes the owner's row; with `from`, such as
 * `from added`, for each of its rows, so that none is stored for an owner that was refused.
 */
export function insertSecret(place: SecretPlace, secret: SealedSecret, from: SQL = sql``): SQL {
  return sql`
    insert into secrets (owner_table, owner_id, purpose, organization_id, version, kek, kek_id, wrapped_dek, sealed)
    select ${place.table}, ${place.row}, ${place.purpose}, ${place.organizationId}, ${secret.version}::integer, ${secret.kek},
      ${secret.kekId}, ${secret.wrappedDek}, ${secret.sealed}
    ${from}`
}
