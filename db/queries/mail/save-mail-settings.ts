import { sql } from 'drizzle-orm'
import { type MailSettings, mailPasswordPlace } from '#shared/contracts/mail-settings.ts'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../../client.ts'
import { insertSecret } from '../insert-secret.ts'

/** Stores the mail server, in the transaction that has locked the settings. `password` is kept as it is when undefined, and forgotten when null. */
export async function saveMailSettings(tx: Db, settings: MailSettings, password: SealedSecret | null | undefined): Promise<void> {
  await tx.execute(sql`
    insert into platform_settings as p (name, value, version) values ('mail', ${JSON.stringify(settings)}::jsonb, 1)
    on conflict (name) do update set value = excluded.value, version = p.version + 1, updated_at = now()`)
  if (password === undefined) return
  const { table, row, purpose } = mailPasswordPlace
  await tx.execute(sql`delete from secrets where owner_table = ${table} and owner_id = ${row} and purpose = ${purpose}`)
  if (password) await tx.execute(insertSecret(mailPasswordPlace, password))
}
