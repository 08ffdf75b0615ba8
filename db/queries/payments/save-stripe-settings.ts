import { sql } from 'drizzle-orm'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import { type StripeSettings, stripeKeyPlace, stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import type { Db } from '../../client.ts'
import { putSecret } from '../secret-of-place.ts'

/** Stores how payments are taken, in the transaction that has locked the settings. A secret that is null is kept as it is stored. */
export async function saveStripeSettings(
  tx: Db,
  settings: StripeSettings,
  sealed: { secretKey: SealedSecret | null; webhookSecret: SealedSecret | null },
): Promise<void> {
  await tx.execute(sql`
    insert into platform_settings as p (name, value, version) values ('stripe', ${JSON.stringify(settings)}::jsonb, 1)
    on conflict (name) do update set value = excluded.value, version = p.version + 1, updated_at = now()`)
  if (sealed.secretKey) await putSecret(tx, stripeKeyPlace, sealed.secretKey)
  if (sealed.webhookSecret) await putSecret(tx, stripeWebhookPlace, sealed.webhookSecret)
}
