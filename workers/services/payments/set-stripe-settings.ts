import { lockStripeSettings, readStripeSettings, type StoredStripeSettings } from '#db/queries/payments/read-stripe-settings.ts'
import { saveStripeSettings } from '#db/queries/payments/save-stripe-settings.ts'
import type { SealedSecret, SecretPlace } from '#shared/contracts/sealed-secret.ts'
import { type NewStripeSettings, type StripeSettingsAnswer, stripeKeyPlace, stripeWebhookPlace } from '#shared/contracts/stripe-settings.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { sealSecret } from '../secrets/seal.ts'
import { stripeAnswerOf } from './read-stripe-settings.ts'

export type SetStripeSettingsOutcome =
  | { outcome: 'set'; answer: StripeSettingsAnswer }
  /** The first time both are needed; a key of the other mode needs the signing secret of that mode as well. */
  | { outcome: 'refused'; reason: 'secret_key_required' | 'webhook_secret_required' }
  /** Somebody else changed them in between, and nothing was changed. */
  | { outcome: 'refused'; reason: 'overtaken' }

type SettingPlatform = Pick<Platform, 'db' | 'transact' | 'actor'> & { keyRing(): KeyRing }

/** Replaces how the platform takes payments. Throws a `KekFailure`, and nothing changes, when a key cannot be sealed. */
export async function setStripeSettings(platform: SettingPlatform, wanted: NewStripeSettings): Promise<SetStripeSettingsOutcome> {
  const { secretKey, webhookSecret, ...chosen } = wanted
  const known = await readStripeSettings(platform.db)
  if (secretKey === undefined && !known?.secretKey) return { outcome: 'refused', reason: 'secret_key_required' }
  const livemode = secretKey === undefined ? known?.settings.livemode === true : /^\w{2}_live_/.test(secretKey)
  if (webhookSecret === undefined && !keepsWebhookSecret(known, livemode)) return { outcome: 'refused', reason: 'webhook_secret_required' }
  const sealed = {
    secretKey: await sealNew(platform, stripeKeyPlace, secretKey, known?.secretKey),
    webhookSecret: await sealNew(platform, stripeWebhookPlace, webhookSecret, known?.webhookSecret),
  }
  const settings = { ...chosen, livemode }
  return platform.transact(async (tx) => {
    const before = await lockStripeSettings(tx)
    if (before?.version !== known?.version) return { outcome: 'refused', reason: 'overtaken' }
    await saveStripeSettings(tx, settings, sealed)
    await recordChange(tx, platform.actor, {
      chain: 'platform',
      action: 'stripe.settings_changed',
      target: { type: 'platform_setting', id: 'stripe' },
      before: before?.settings,
      after: { ...settings, secretKeyReplaced: secretKey !== undefined, webhookSecretReplaced: webhookSecret !== undefined },
    })
    const after = await lockStripeSettings(tx)
    assert(after, 'what was saved is there')
    return { outcome: 'set', answer: stripeAnswerOf(after) }
  })
}

/** Test mode and live mode sign with secrets of their own. */
function keepsWebhookSecret(known: StoredStripeSettings | null, livemode: boolean): boolean {
  return known?.webhookSecret != null && known.settings.livemode === livemode
}

async function sealNew(
  platform: SettingPlatform,
  place: SecretPlace,
  plaintext: string | undefined,
  known: SealedSecret | null | undefined,
): Promise<SealedSecret | null> {
  return plaintext === undefined ? null : sealSecret(platform.keyRing(), place, plaintext, (known?.version ?? 0) + 1)
}
