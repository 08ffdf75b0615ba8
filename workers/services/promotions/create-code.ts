import { addPromotionCode, type PromotionCodeRow } from '#db/queries/promotions/promotion-codes.ts'
import type { NewPromotionCode } from '#shared/contracts/promotion.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'

/** Makes a code that gives promotional credit. Answers null when there is such a code already. */
export async function createCode({ transact, actor }: Platform, wanted: NewPromotionCode): Promise<PromotionCodeRow | null> {
  const { code, amountNanos, creditDays, maxRedemptions = null, expiresAt = null } = wanted
  return transact(async (tx) => {
    const row = { code, amountNanos, creditDays, maxRedemptions, expiresAt: expiresAt === null ? null : new Date(expiresAt) }
    const added = await addPromotionCode(tx, { ...row, createdBy: actor.id })
    if (!added) return null
    await recordChange(tx, actor, {
      chain: 'platform',
      action: 'promotion_code.created',
      target: { type: 'promotion_code', id: code },
      after: { amountNanos, creditDays, maxRedemptions, expiresAt },
    })
    return added
  })
}
