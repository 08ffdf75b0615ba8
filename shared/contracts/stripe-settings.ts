import { z } from 'zod'
import { Nanos } from '../values/money.ts'
import type { SecretPlace } from './sealed-secret.ts'

/** Nano-dollars in a cent: Stripe counts in cents. */
export const nanosPerCent = 10_000_000

/** An amount that Stripe can be asked for. */
export const WholeCents = Nanos.refine((nanos) => nanos % nanosPerCent === 0, 'must be whole cents: a multiple of 10000000 nano-dollars')

/** How the platform takes payments. What is stored as the setting `stripe`; the keys are in `secrets`. */
export const StripeSettings = z.object({
  /** Bounds of one top-up. */
  minTopUpNanos: WholeCents,
  maxTopUpNanos: WholeCents,
  /** Whether Stripe Tax computes taxes, and whether customers may give a tax id. */
  automaticTax: z.boolean(),
  collectTaxIds: z.boolean(),
  /** Whether its keys are those of Stripe's live mode; told from the secret key. */
  livemode: z.boolean(),
})
export type StripeSettings = z.infer<typeof StripeSettings>

/** A secret or restricted key; its mode can be read from it. */
const SecretKey = z.string().regex(/^(?:sk|rk)_(?:test|live)_[A-Za-z0-9]{10,240}$/, 'is no secret key of Stripe, such as sk_live_...')
const WebhookSecret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/=_-]{16,240}$/, 'is no signing secret of a webhook endpoint of Stripe, such as whsec_...')

/** Replaces all settings. A key or secret that is left out stays as it is stored; the first time both are needed. */
export const NewStripeSettings = z
  .strictObject({
    minTopUpNanos: WholeCents.min(50 * nanosPerCent).default(500 * nanosPerCent),
    maxTopUpNanos: WholeCents.max(99_999_999 * nanosPerCent).default(1_000_000 * nanosPerCent),
    automaticTax: z.boolean().default(false),
    collectTaxIds: z.boolean().default(false),
    secretKey: SecretKey.optional(),
    webhookSecret: WebhookSecret.optional(),
  })
  .refine(({ minTopUpNanos, maxTopUpNanos }) => minTopUpNanos <= maxTopUpNanos, {
    path: ['maxTopUpNanos'],
    message: 'is less than the smallest top-up',
  })
export type NewStripeSettings = z.infer<typeof NewStripeSettings>

/** The settings as they may be shown: never a key. `stripe` is null when none were ever set. */
export const StripeSettingsAnswer = z.object({
  stripe: StripeSettings.extend({ version: z.int(), updatedAt: z.iso.datetime() }).nullable(),
})
export type StripeSettingsAnswer = z.infer<typeof StripeSettingsAnswer>

/** Where the secret key and the signing secret of our endpoint at Stripe are sealed. */
export const stripeKeyPlace: SecretPlace = { organizationId: null, table: 'platform_settings', row: 'stripe', purpose: 'secret_key' }
export const stripeWebhookPlace: SecretPlace = {
  organizationId: null,
  table: 'platform_settings',
  row: 'stripe',
  purpose: 'webhook_secret',
}

/** What Stripe says to the stored key. `answer` tells what stood in the way, or the mode of the account. */
export const StripeTest = z.object({ outcome: z.enum(['works', 'refused', 'unreachable']), answer: z.string() })
export type StripeTest = z.infer<typeof StripeTest>
