import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { MailSettings, mailPasswordPlace } from '#shared/contracts/mail-settings.ts'
import { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const StoredMailSettings = z.object({
  settings: MailSettings,
  version: z.int(),
  updatedAtMs: SafeBigint,
  /** The password; null when there is none. */
  sealed: SealedSecret.nullable(),
})
export type StoredMailSettings = z.infer<typeof StoredMailSettings>

/** The mail server and its sealed password; null when none was ever set. */
export async function readMailSettings(db: Db): Promise<StoredMailSettings | null> {
  const { table, row, purpose } = mailPasswordPlace
  const statement = sql`
    select p.value as settings, p.version, floor(extract(epoch from p.updated_at) * 1000)::bigint as "updatedAtMs",
      case when s.sealed is not null then jsonb_build_object('version', s.version, 'kek', s.kek, 'kekId', s.kek_id,
        'wrappedDek', s.wrapped_dek, 'sealed', s.sealed) end as sealed
    from platform_settings p
    left join secrets s on s.owner_table = ${table} and s.owner_id = ${row} and s.purpose = ${purpose}
    where p.name = 'mail'`
  const [found] = await readRows(db, statement, StoredMailSettings)
  return found ?? null
}

/** As readMailSettings; whoever else wants to change them waits for the end of the transaction, also when there are none yet. */
export async function lockMailSettings(tx: Db): Promise<StoredMailSettings | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('platform_settings mail', 0))`)
  return readMailSettings(tx)
}
