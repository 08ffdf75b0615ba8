import type { CreditGrantRow } from '#db/queries/promotions/credit-grants.ts'
import type { GrantedPromotion } from '#shared/contracts/promotion.ts'

/** A grant, of which is left what its row says, as it is shown. Customers are shown less: their contract leaves the rest. */
export function shownGrant(grant: CreditGrantRow, nowMs: number): GrantedPromotion {
  const { id, amountNanos, remainingNanos, reason, code, createdBy, expiresAt, createdAt } = grant
  return {
    grantId: id,
    amountNanos,
    remainingNanos,
    reason,
    expiresAt: expiresAt.toISOString(),
    expired: expiresAt.getTime() <= nowMs,
    createdAt: createdAt.toISOString(),
    code,
    createdBy,
  }
}
