import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type KekProviderName, SealedSecret, type SecretPlace } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { readRows } from '../statements.ts'

export interface StoredSecret {
  place: SecretPlace
  secret: SealedSecret
}

/** The columns of `secrets` that StoredSecretRow reads. */
export const storedSecretColumns: SQL = sql`
  owner_table as "table", owner_id as "row", purpose, organization_id as "organizationId",
  version, kek, kek_id as "kekId", wrapped_dek as "wrappedDek", sealed`

export const StoredSecretRow = SealedSecret.extend({
  table: z.string(),
  row: z.string(),
  purpose: z.string(),
  organizationId: z.string().nullable(),
}).transform(
  ({ table, row, purpose, organizationId, ...secret }): StoredSecret => ({
    place: { table, row, purpose, organizationId },
    secret,
  }),
)

/** Secrets that another than the current key wraps, in the order of their places, after one place. */
export function listSecretsToRewrap(
  db: Db,
  current: { kek: KekProviderName; kekId: string },
  page: { after: Omit<SecretPlace, 'organizationId'> | null; limit: number },
): Promise<StoredSecret[]> {
  const { after } = page
  const isAfter = after ? sql`(owner_table, owner_id, purpose) > (${after.table}, ${after.row}, ${after.purpose})` : sql`true`
  const statement = sql`
    select ${storedSecretColumns} from secrets
    where (kek, kek_id) <> (${current.kek}, ${current.kekId}) and ${isAfter}
    order by owner_table, owner_id, purpose limit ${page.limit}`
  return readRows(db, statement, StoredSecretRow)
}
