import { z } from 'zod'
import { Nanos, SignedNanos } from '../values/money.ts'
import { NewCredit } from './credit.ts'
import { ExpiresAt } from './customer-key.ts'

/** However it was typed, with spaces around it or in small letters. */
export const PromotionCodeText = z
  .string()
  .max(100)
  .trim()
  .regex(/^[A-Za-z0-9-]{4,40}$/, 'has 4 to 40 letters, digits and dashes')
  .toUpperCase()

export const GrantId = z.string().regex(/^grn_[0-9a-z_]{1,64}$/, 'is not the id of promotional credit')

/** For how long promotional credit can be spent. */
const Days = z.int().min(1).max(3_650)

/** Promotional credit of an organization. It is part of the balance, and spent before paid credit. */
export const Promotion = z.object({
  grantId: z.string(),
  amountNanos: Nanos,
  /** What is left of it now. Some minutes after `expiresAt` it is taken back. */
  remainingNanos: Nanos,
  reason: z.string(),
  expiresAt: z.iso.datetime(),
  expired: z.boolean(),
  createdAt: z.iso.datetime(),
})
export type Promotion = z.infer<typeof Promotion>

/** As operators see it: with the code that gave it, where one did, and whose doing it was. */
export const GrantedPromotion = Promotion.extend({ code: z.string().nullable(), createdBy: z.string() })
export type GrantedPromotion = z.infer<typeof GrantedPromotion>

/** One page, newest first; `next` is the `before` of the next page, null on the last one. */
export const PromotionList = z.object({ promotions: z.array(GrantedPromotion), next: z.string().nullable() })
export type PromotionList = z.infer<typeof PromotionList>

export const PromotionPage = z.strictObject({ before: GrantId.optional() })

/** Promotional credit given by hand. The customer reads the reason. */
export const NewPromotion = z.strictObject({
  amountNanos: Nanos.min(1),
  days: Days,
  reason: NewCredit.shape.reason,
  idempotencyKey: NewCredit.shape.idempotencyKey,
})
export type NewPromotion = z.infer<typeof NewPromotion>

/** `replayed` means that it had been given earlier, and nothing was given now. */
export const PromotionAnswer = z.object({
  promotion: GrantedPromotion,
  balanceNanos: SignedNanos,
  replayed: z.boolean(),
  pushed: z.boolean(),
})
export type PromotionAnswer = z.infer<typeof PromotionAnswer>

/** A code that gives each organization promotional credit once. */
export const NewPromotionCode = z.strictObject({
  code: PromotionCodeText,
  amountNanos: Nanos.min(1),
  /** How long the credit can be spent, from when the code is redeemed. */
  creditDays: Days,
  /** How many organizations may redeem it; absent: any number. */
  maxRedemptions: z.int().min(1).max(2_147_483_647).optional(),
  /** When it can no longer be redeemed; absent: never. */
  expiresAt: ExpiresAt.optional(),
})
export type NewPromotionCode = z.infer<typeof NewPromotionCode>

export const PromotionCode = z.object({
  code: z.string(),
  amountNanos: Nanos,
  creditDays: z.int(),
  maxRedemptions: z.int().nullable(),
  redemptions: z.int(),
  expiresAt: z.iso.datetime().nullable(),
  disabledAt: z.iso.datetime().nullable(),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
})
export type PromotionCode = z.infer<typeof PromotionCode>

/** One page in alphabetical order; `next` is the `after` of the next page, null on the last one. */
export const PromotionCodeList = z.object({ codes: z.array(PromotionCode), next: z.string().nullable() })
export type PromotionCodeList = z.infer<typeof PromotionCodeList>

export const PromotionCodePage = z.strictObject({ after: PromotionCodeText.optional() })
