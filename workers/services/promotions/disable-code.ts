import { lockPromotionCode, markCodeDisabled, type PromotionCodeRow } from '#db/queries/promotions/promotion-codes.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'

/** Lets nobody redeem a code any more; what it gave stays. Answers the code, also when it was disabled before; null when there is none. */
export async function disableCode({ transact, actor }: Platform, code: string): Promise<PromotionCodeRow | null> {
  return transact(async (tx) => {
    const found = await lockPromotionCode(tx, code)
    if (!found || found.disabledAt !== null) return found
    const disabledAt = new Date()
    await markCodeDisabled(tx, code, disabledAt)
    await recordChange(tx, actor, {
      chain: 'platform',
      action: 'promotion_code.disabled',
      target: { type: 'promotion_code', id: code },
      before: { redemptions: found.redemptions },
      after: { disabledAt: disabledAt.toISOString() },
    })
    return { ...found, disabledAt }
  })
}
