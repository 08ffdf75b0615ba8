import { nodeTransact, openNodeDb } from '#db/node-client.ts'
import { readStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { billingAccounts } from '#db/schema/index.ts'
import { NewStripeSettings, stripeKeyPlace } from '#shared/contracts/stripe-settings.ts'
import { setStripeSettings } from '#workers/services/payments/set-stripe-settings.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { type KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import type { StripeKeys } from './stand-ins.ts'

/**
 * Makes the platform take payments by the stack's own Stripe, unless somebody has set another. That one has forgotten everything since the last start, so its
 * customers and cards are forgotten here as well. May be called on every start.
 */
export async function storeStripeSettings(databaseUrl: string, keys: StripeKeys, keks: KekSettings): Promise<void> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  const keyRing = keyRingWhenAsked(keks)
  try {
    const known = await readStripeSettings(db)
    if (known?.secretKey) {
      if ((await openSecret(keyRing(), stripeKeyPlace, known.secretKey)) !== keys.secretKey) return
      await db.update(billingAccounts).set({ stripeCustomerId: null, paymentMethodId: null, card: null, automatic: false })
      return
    }
    const actor = { type: 'system', id: 'local-stack', ip: null, requestId: null } as const
    await setStripeSettings({ db, transact: nodeTransact(db), actor, keyRing }, NewStripeSettings.parse(keys))
  } finally {
    await close()
  }
}
