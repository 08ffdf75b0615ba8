import { nodeTransact, openNodeDb } from '#db/node-client.ts'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { NewStripeSettings } from '#shared/contracts/stripe-settings.ts'
import { setStripeSettings } from '#workers/services/payments/set-stripe-settings.ts'
import { type KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import type { StripeKeys } from './stand-ins.ts'

/** Makes the platform take payments by the stack's own Stripe, unless somebody has set one. May be called on every start. */
export async function storeStripeSettings(databaseUrl: string, keys: StripeKeys, keks: KekSettings): Promise<void> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    if (await readStripeSettings(db)) return
    const actor = { type: 'system', id: 'local-stack', ip: null, requestId: null } as const
    const platform = { db, transact: nodeTransact(db), actor, keyRing: keyRingWhenAsked(keks) }
    await setStripeSettings(platform, NewStripeSettings.parse(keys))
  } finally {
    await close()
  }
}
