import type { Db } from '#db/client.ts'
import { readStripeSettings, type StoredStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import type { StripeSettingsAnswer } from '#shared/contracts/stripe-settings.ts'

/** How the platform takes payments, as it may be shown. */
export async function showStripeSettings(db: Db): Promise<StripeSettingsAnswer> {
  const stored = await readStripeSettings(db)
  return stored ? stripeAnswerOf(stored) : { stripe: null }
}

export function stripeAnswerOf({ settings, version, updatedAtMs }: StoredStripeSettings): StripeSettingsAnswer {
  return { stripe: { ...settings, version, updatedAt: new Date(updatedAtMs).toISOString() } }
}
