import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import { StripeSettings, stripeKeyPlace, stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import type { Db } from '../../client.ts'
import { readRows, SafeBigint } from '../../statements.ts'

const StoredStripeSettings = z.object({
  settings: StripeSettings,
  version: z.int(),
  updatedAtMs: SafeBigint,
  /** Null when there is none. */
  secretKey: SealedSecret.nullable(),
  webhookSecret: SealedSecret.nullable(),
})
export type StoredStripeSettings = z.infer<typeof StoredStripeSettings>

/** How the platform takes payments, with its sealed keys; null when that was never set. */
export async function readStripeSettings(db: Db): Promise<StoredStripeSettings | null> {
  const sealed = (purpose: string) => sql`(
    select jsonb_build_object('version', s.version, 'kek', s.kek, 'kekId', s.kek_id, 'wrappedDek', s.wrapped_dek, 'sealed', s.sealed)
    from secrets s where s.owner_table = ${stripeKeyPlace.table} and s.owner_id = ${stripeKeyPlace.row} and s.purpose = ${purpose}
  )`
  const statement = sql`
    select p.value as settings, p.version, floor(extract(epoch from p.updated_at) * 1000)::bigint as "updatedAtMs",
      ${sealed(stripeKeyPlace.purpose)} as "secretKey", ${sealed(stripeWebhookPlace.purpose)} as "webhookSecret"
    from platform_settings p where p.name = 'stripe'`
  const [found] = await readRows(db, statement, StoredStripeSettings)
  return found ?? null
}

/** As readStripeSettings; whoever else wants to change them waits for the end of the transaction, also when there are none yet. */
export async function lockStripeSettings(tx: Db): Promise<StoredStripeSettings | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('platform_settings stripe', 0))`)
  return readStripeSettings(tx)
}
