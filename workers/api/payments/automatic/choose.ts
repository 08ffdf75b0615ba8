import type { Db } from '#db/client.ts'
import { type AutomaticAccount, readAutomaticAccount } from '#db/queries/payments/automatic-accounts.ts'
import { type BillingAccountRow, readBillingAccount, saveAutomaticTopUp } from '#db/queries/payments/billing-accounts.ts'
import type { AutomaticTopUp, NewAutomaticTopUp } from '#shared/contracts/api/payments.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { openStripe } from '#workers/services/payments/open-stripe.ts'
import { lockScope } from '../../organizations/lock-scope.ts'
import { refuseOutOfBounds, type Visit } from '../checkout/create-top-up.ts'
import { consequenceOf, isCapReached } from './rule.ts'

/** How the balance of an organization is topped up by itself, and how that goes. */
export async function automaticTopUpOf(db: Db, organizationId: string): Promise<AutomaticTopUp> {
  const account = await readAutomaticAccount(db, organizationId)
  return account ? viewOf(account) : nothingChosen
}

const nothingChosen: AutomaticTopUp = {
  enabled: false,
  thresholdNanos: null,
  amountNanos: null,
  monthlyCapNanos: null,
  spentThisMonthNanos: 0,
  isCapReached: false,
  failures: 0,
  retryAt: null,
  stoppedBecause: null,
}

function viewOf(account: AutomaticAccount): AutomaticTopUp {
  const { automatic: enabled, thresholdNanos, amountNanos, monthlyCapNanos, spentNanos, failures, stoppedBecause } = account
  const consequence = consequenceOf(account)
  const retryAtMs = enabled && consequence.outcome === 'goes_on' ? consequence.retryAtMs : null
  const retryAt = retryAtMs === null ? null : new Date(retryAtMs).toISOString()
  const chosen = { enabled, thresholdNanos, amountNanos, monthlyCapNanos }
  return { ...chosen, spentThisMonthNanos: spentNanos, isCapReached: isCapReached(account), failures, retryAt, stoppedBecause }
}

/** Sets how the balance is topped up by itself. Throws 409 when there is no card to charge. */
export async function replaceAutomaticTopUp({ surroundings, platform, scope }: Visit, wanted: NewAutomaticTopUp): Promise<void> {
  const { organizationId } = scope
  const { enabled, ...amounts } = wanted
  // Turning it off needs nothing but the wish.
  if (enabled) refuseOutOfBounds(amounts.amountNanos, (await openStripe(surroundings)).settings)
  await platform.transact(async (tx) => {
    await lockScope(tx, scope, 'billing.payment_method')
    const before = await readBillingAccount(tx, organizationId)
    if (enabled && !before?.paymentMethodId) throw new Problem('conflict', 'There is no card to charge. Save a payment method first.')
    await saveAutomaticTopUp(tx, organizationId, { automatic: enabled, ...amounts })
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'automatic_top_up.changed',
      target: { type: 'organization', id: organizationId },
      before: before ? chosenBefore(before) : undefined,
      after: { ...wanted },
    })
  })
}

function chosenBefore({ automatic, thresholdNanos, amountNanos, monthlyCapNanos }: BillingAccountRow): Record<string, unknown> {
  return { enabled: automatic, thresholdNanos, amountNanos, monthlyCapNanos }
}
