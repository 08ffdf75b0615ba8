import { postEntry } from '#db/queries/post-entry.ts'
import type { CreditAnswer, NewCredit } from '#shared/contracts/credit.ts'
import { recordChange } from '../audit/record-change.ts'
import { changeAccount } from '../ledger/change-account.ts'
import type { Platform } from '../platform.ts'

export type CreditOutcome =
  | { outcome: 'posted'; answer: CreditAnswer }
  /** `event_reused`: the idempotency key already stands for another amount or another customer. */
  | { outcome: 'refused'; reason: 'organization_unknown' | 'event_reused' | 'balance_out_of_range' }

/**
 * Gives a customer money by hand, or takes it when the amount is negative. The idempotency key makes it land once, however often it is asked
 * for. The ledger object is told on a replay too: the first attempt may have failed between the commit and the push.
 */
export async function credit(platform: Platform, organizationId: string, wanted: NewCredit): Promise<CreditOutcome> {
  const { amountNanos } = wanted
  const entry = {
    organizationId,
    amountNanos,
    kind: amountNanos < 0 ? 'debit' : 'credit',
    eventId: creditEventId(wanted.idempotencyKey),
    reason: `${wanted.reason} (${platform.actor.id})`,
  } as const
  const { value: posted, pushed } = await changeAccount(platform, organizationId, async (tx) => {
    const outcome = await postEntry(tx, entry)
    if (outcome.outcome !== 'posted') return outcome
    const { kind, eventId, reason } = entry
    const target = { type: 'ledger_entry', id: eventId }
    const after = { amountNanos, reason, balanceNanos: outcome.balanceNanos }
    await recordChange(tx, platform.actor, { chain: { organizationId }, action: `${kind}.posted`, target, after })
    return outcome
  })
  if (posted.outcome === 'refused') return posted
  const replayed = posted.outcome === 'already_posted'
  return { outcome: 'posted', answer: { organizationId, amountNanos, balanceNanos: posted.balanceNanos, replayed, pushed } }
}

/** A prefix of its own keeps an operator's key from ever being taken for a request's event. */
export function creditEventId(idempotencyKey: string): string {
  return `credit:${idempotencyKey}`
}
