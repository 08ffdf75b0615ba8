import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRows, SafeBigint } from '../statements.ts'
import { type StoredSecret, StoredSecretRow, storedSecretColumns } from './list-secrets-to-rewrap.ts'

/** How many secrets one key wraps, and one of them. */
export interface KekUse {
  secrets: number
  sample: StoredSecret
}

/** Every key that wraps anything, by provider and id. */
export async function countSecretsByKek(db: Db): Promise<KekUse[]> {
  const counted = sql`
    select distinct on (kek, kek_id) ${storedSecretColumns}, count(*) over (partition by kek, kek_id) as secrets
    from secrets order by kek, kek_id, owner_table, owner_id, purpose`
  const rows = await readRows(db, counted, z.looseObject({ secrets: SafeBigint }))
  return rows.map(({ secrets, ...row }) => ({ secrets, sample: StoredSecretRow.parse(row) }))
}
