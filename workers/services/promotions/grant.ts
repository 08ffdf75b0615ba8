import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { type CreditGrantRow, findGrantOfKey } from '#db/queries/promotions/credit-grants.ts'
import type { NewPromotion, PromotionAnswer } from '#shared/contracts/promotion.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Actor, Platform } from '../platform.ts'
import { type AddGrantOutcome, addGrant, daysOf } from './add-grant.ts'
import { readSettledGrants } from './settle-grants.ts'
import { shownGrant } from './shown-grant.ts'

export type GrantOutcome = { outcome: 'granted'; answer: PromotionAnswer } | Extract<AddGrantOutcome, { outcome: 'refused' }>

/** Gives an organization promotional credit by hand. The idempotency key makes it land once, however often it is asked for. */
export async function grantPromotion(platform: Platform, organizationId: string, wanted: NewPromotion): Promise<GrantOutcome> {
  const { value, pushed } = await changeAccount(platform, organizationId, (tx) => grantOnce(tx, platform.actor, organizationId, wanted))
  if (value.outcome === 'refused') return value
  const { grant, balanceNanos, replayed } = value
  return { outcome: 'granted', answer: { promotion: shownGrant(grant, Date.now()), balanceNanos, replayed, pushed } }
}

type GrantedOnce =
  | (Extract<AddGrantOutcome, { outcome: 'granted' }> & { replayed: boolean })
  | Extract<AddGrantOutcome, { outcome: 'refused' }>

async function grantOnce(tx: Db, actor: Actor, organizationId: string, wanted: NewPromotion): Promise<GrantedOnce> {
  const { idempotencyKey, ...given } = wanted
  // Two who ask at once with one key: the second waits here, and finds what the first has given.
  await tx.execute(lockOrganizations([organizationId]))
  const earlier = await findGrantOfKey(tx, idempotencyKey)
  if (!earlier) {
    const added = await addGrant(tx, actor, { organizationId, ...given, by: { idempotencyKey } })
    return added.outcome === 'granted' ? { ...added, replayed: false } : added
  }
  const settled = await readSettledGrants(tx, organizationId)
  if (!settled) return { outcome: 'refused', reason: 'organization_unknown' }
  if (!isSame(earlier, organizationId, wanted)) return { outcome: 'refused', reason: 'granted_before' }
  const grant = settled.grants.find(({ id }) => id === earlier.id) ?? earlier
  return { outcome: 'granted', grant, balanceNanos: settled.balanceNanos, replayed: true }
}

function isSame(earlier: CreditGrantRow, organizationId: string, { amountNanos, days }: NewPromotion): boolean {
  return earlier.organizationId === organizationId && earlier.amountNanos === amountNanos && daysOf(earlier) === days
}
