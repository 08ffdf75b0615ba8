import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { hasRedeemed } from '#db/queries/promotions/credit-grants.ts'
import { countRedemption, lockPromotionCode, type PromotionCodeRow } from '#db/queries/promotions/promotion-codes.ts'
import type { Actor } from '../platform.ts'
import { type AddGrantOutcome, addGrant } from './add-grant.ts'

/** `not_redeemable`: whoever guesses codes does not learn whether there is, was or will be such a code. */
export type RedeemOutcome = AddGrantOutcome | { outcome: 'refused'; reason: 'not_redeemable' }

/** Gives an organization what a code gives, once; call it as the work of `changeAccount`. The organization is locked first, then the code. */
export async function redeemCode(tx: Db, actor: Actor, organizationId: string, code: string): Promise<RedeemOutcome> {
  await tx.execute(lockOrganizations([organizationId]))
  if (await hasRedeemed(tx, organizationId, code)) return { outcome: 'refused', reason: 'granted_before' }
  const promotion = await lockPromotionCode(tx, code)
  if (!promotion || !isRedeemable(promotion, Date.now())) return { outcome: 'refused', reason: 'not_redeemable' }
  const { amountNanos, creditDays: days } = promotion
  const added = await addGrant(tx, actor, { organizationId, amountNanos, days, reason: `Code ${code}`, by: { code } })
  if (added.outcome === 'granted') await countRedemption(tx, code)
  return added
}

function isRedeemable({ disabledAt, expiresAt, maxRedemptions, redemptions }: PromotionCodeRow, nowMs: number): boolean {
  if (disabledAt !== null || (expiresAt !== null && expiresAt.getTime() <= nowMs)) return false
  return maxRedemptions === null || redemptions < maxRedemptions
}
