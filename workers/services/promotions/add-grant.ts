import type { Db } from '#db/client.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { addCreditGrant, type CreditGrantRow } from '#db/queries/promotions/credit-grants.ts'
import { assert } from '#shared/values/assert.ts'
import { newId } from '#shared/values/id.ts'
import { maxAmountNanos } from '#shared/values/money.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Actor } from '../platform.ts'
import { settleGrants } from './settle-grants.ts'

const dayMs = 86_400_000

/** Promotional credit for an organization, by a code or an operator. */
export interface GrantToAdd {
  organizationId: string
  amountNanos: number
  days: number
  /** The customer reads it. */
  reason: string
  /** The code that gives it, or what makes an operator's grant land once. */
  by: { code: string } | { idempotencyKey: string }
}

export type AddGrantOutcome =
  | { outcome: 'granted'; grant: CreditGrantRow; balanceNanos: number }
  /** `granted_before`: the organization has redeemed the code, or the idempotency key stands for another grant. */
  | { outcome: 'refused'; reason: 'organization_unknown' | 'granted_before' | 'balance_out_of_range' }

/** Gives promotional credit; call it as the work of `changeAccount`. Nothing that was spent before is spent of it. */
export async function addGrant(
  tx: Db,
  actor: Actor,
  { organizationId, amountNanos, days, reason, by }: GrantToAdd,
): Promise<AddGrantOutcome> {
  const settled = await settleGrants(tx, organizationId)
  if (!settled) return { outcome: 'refused', reason: 'organization_unknown' }
  if (settled.balanceNanos + amountNanos > maxAmountNanos) return { outcome: 'refused', reason: 'balance_out_of_range' }
  const createdAt = new Date()
  const grant = await addCreditGrant(tx, {
    id: newId('grn', createdAt.getTime()),
    organizationId,
    ...by,
    amountNanos,
    remainingNanos: amountNanos,
    reason,
    expiresAt: new Date(createdAt.getTime() + days * dayMs),
    createdBy: actor.id,
    createdAt,
  })
  if (!grant) return { outcome: 'refused', reason: 'granted_before' }
  const eventId = `promotion:${grant.id}`
  const posted = await postEntry(tx, { organizationId, amountNanos, kind: 'credit', eventId, reason: `${reason} (${actor.id})` })
  assert(posted.outcome === 'posted', 'the grant is new, and its organization locked with room for it')
  const { balanceNanos } = posted
  await recordChange(tx, actor, {
    chain: { organizationId },
    action: 'promotion.granted',
    target: { type: 'credit_grant', id: grant.id },
    after: { amountNanos, reason, expiresAt: grant.expiresAt.toISOString(), ...by, balanceNanos },
  })
  return { outcome: 'granted', grant, balanceNanos }
}

/** For how many days a grant could be spent when it was given. */
export function daysOf({ createdAt, expiresAt }: CreditGrantRow): number {
  return (expiresAt.getTime() - createdAt.getTime()) / dayMs
}
