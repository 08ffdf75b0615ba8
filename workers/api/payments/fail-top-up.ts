import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { endFailedTopUp } from '#db/queries/payments/asked-top-ups.ts'
import { type AutomaticAccount, readAutomaticAccount } from '#db/queries/payments/automatic-accounts.ts'
import { stopAutomaticTopUp } from '#db/queries/payments/billing-accounts.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import type { Actor } from '#workers/services/platform.ts'
import { consequenceOf } from './automatic/rule.ts'

export interface Failed {
  organizationId: string
  topUpId: string
  failure: 'declined' | 'authentication_required' | 'expired' | 'failed'
  /** How Stripe calls the payment that failed; null when there is none. */
  paymentIntentId: string | null
}

/** Ends a top-up that failed and tells the customer, with what follows for automatic ones; false for one that had ended, which stays as it is. */
export async function failTopUp(tx: Db, actor: Actor, { organizationId, topUpId, failure, paymentIntentId }: Failed): Promise<boolean> {
  await tx.execute(lockOrganizations([organizationId]))
  const ended = await endFailedTopUp(tx, topUpId, failure, paymentIntentId)
  if (!ended) return false
  const { kind, amountNanos } = ended
  const change = { chain: { organizationId }, action: 'top_up.failed', target: { type: 'top_up', id: topUpId } }
  await recordChange(tx, actor, { ...change, after: { kind, amountNanos, failure } })
  const retryAtMs = kind === 'automatic' ? await retryAfterFailure(tx, actor, organizationId) : null
  const retryAt = retryAtMs === null ? null : new Date(retryAtMs).toISOString()
  const data = { topUpId, kind, amountNanos, reason: failure, retryAt }
  await recordEvent(tx, { organizationId, type: 'topup.failed', data, dedupe: topUpId })
  return true
}

async function retryAfterFailure(tx: Db, actor: Actor, organizationId: string): Promise<number | null> {
  const account = await readAutomaticAccount(tx, organizationId)
  if (!account?.automatic || (await stopIfOver(tx, actor, account))) return null
  const consequence = consequenceOf(account)
  assert(consequence.outcome === 'goes_on', 'it would have been turned off')
  return consequence.retryAtMs
}

/** Turns the automatic top-up off when its past says so; whether it did. Call it under the organization's lock. */
export async function stopIfOver(tx: Db, actor: Actor, account: AutomaticAccount): Promise<boolean> {
  const { organizationId, automatic, failures } = account
  const consequence = consequenceOf(account)
  if (!automatic || consequence.outcome === 'goes_on') return false
  await stopAutomaticTopUp(tx, organizationId, consequence.because)
  await recordChange(tx, actor, {
    chain: { organizationId },
    action: 'automatic_top_up.stopped',
    target: { type: 'organization', id: organizationId },
    before: { enabled: true },
    after: { enabled: false, stoppedBecause: consequence.because, failures },
  })
  return true
}
