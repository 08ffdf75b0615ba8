import { changeTopUp, lockTopUp, type TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Payments, Settlement } from './payments.ts'

/** Ends a top-up that will not be paid any more; one that has ended stays as it is. */
export function failTopUp(
  { transact, actor }: Pick<Payments, 'transact' | 'actor'>,
  { id }: Pick<TopUpRow, 'id'>,
  failure: 'expired' | 'failed',
): Promise<Settlement> {
  return transact(async (tx) => {
    const topUp = await lockTopUp(tx, id)
    if (topUp?.status !== 'pending') return 'unchanged'
    const { organizationId, kind, amountNanos } = topUp
    await changeTopUp(tx, id, { status: 'failed', failure, finishedAt: new Date() })
    const [target, after] = [
      { type: 'top_up', id },
      { kind, amountNanos, failure },
    ]
    await recordChange(tx, actor, { chain: { organizationId }, action: 'top_up.failed', target, after })
    const data = { topUpId: id, kind, amountNanos, reason: failure, retryAt: null }
    await recordEvent(tx, { organizationId, type: 'topup.failed', data, dedupe: id })
    return 'applied'
  })
}
