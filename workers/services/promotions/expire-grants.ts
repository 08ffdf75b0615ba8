import type { Db } from '#db/client.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { type CreditGrantRow, markGrantExpired } from '#db/queries/promotions/credit-grants.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Actor, Platform } from '../platform.ts'
import { settleGrants } from './settle-grants.ts'

/** Takes back what is left of an organization's grants that ended by then, each once, and answers how many they were. */
export async function expireGrants(platform: Platform, organizationId: string, endedBy: Date): Promise<number> {
  const { value } = await changeAccount(platform, organizationId, async (tx) => {
    const settled = await settleGrants(tx, organizationId)
    const ended = settled?.grants.filter(({ expiresAt }) => expiresAt <= endedBy) ?? []
    let balanceNanos = settled?.balanceNanos ?? 0
    for (const grant of ended) balanceNanos -= await takeBack(tx, platform.actor, grant, balanceNanos)
    return ended.length || null
  })
  return value ?? 0
}

/** Never takes a balance below zero: a refund or an operator may have taken what was there. Answers how much it took. */
async function takeBack(tx: Db, actor: Actor, grant: CreditGrantRow, balanceNanos: number): Promise<number> {
  const { id, organizationId, remainingNanos } = grant
  const takenNanos = Math.min(remainingNanos, Math.max(balanceNanos, 0))
  await markGrantExpired(tx, id, new Date())
  if (takenNanos > 0) {
    const entry = {
      organizationId,
      amountNanos: -takenNanos,
      kind: 'debit',
      eventId: `promotion_expired:${id}`,
      reason: grant.reason,
    } as const
    const posted = await postEntry(tx, entry)
    assert(posted.outcome === 'posted', 'the grant had not expired, and its organization is locked')
  }
  await recordChange(tx, actor, {
    chain: { organizationId },
    action: 'promotion.expired',
    target: { type: 'credit_grant', id },
    before: { remainingNanos },
    after: { takenNanos },
  })
  return takenNanos
}
