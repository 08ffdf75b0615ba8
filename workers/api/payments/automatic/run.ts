import type Stripe from 'stripe'
import { insertTopUp, notePaymentIntent } from '#db/queries/payments/asked-top-ups.ts'
import {
  type AutomaticAccount,
  listLowAccounts,
  listUnansweredTopUps,
  lockAutomaticAccount,
  readAutomaticAccount,
  type UnansweredTopUp,
} from '#db/queries/payments/automatic-accounts.ts'
import { newId } from '#shared/values/id.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { openStripe, type StripePlatform } from '#workers/services/payments/open-stripe.ts'
import type { Actor, Platform } from '#workers/services/platform.ts'
import { failTopUp, stopIfOver } from '../fail-top-up.ts'
import { logStripeFailure } from '../stripe-failure.ts'
import { type Asked, askPayment, findPayment, lookUpPayment, type Payment } from './ask-payment.ts'
import { listedMs, sameKeyMs, topUpsAtOnce, topUpsBudgetMs, topUpsTogether } from './limits.ts'
import { consequenceOf, dueTopUp } from './rule.ts'

type Running = StripePlatform & Pick<Platform, 'transact'>
type Charging = Running & { stripe: Stripe; livemode: boolean }

/** What it came to for one customer. */
type Result = Asked['outcome'] | 'not_due'

const actor: Actor = { type: 'system', id: 'automatic_top_up', ip: null, requestId: null }

/**
 * Tops up the balances that have fallen below what their customers chose, and finds out what became of payments of unknown fate. Two runs at once charge once:
 * the top-up is committed before it is asked for, and asked for under its own id. Crediting is left to settlement.
 */
export async function runAutomaticTopUps(running: Running): Promise<Record<string, number>> {
  const endsAtMs = Date.now() + topUpsBudgetMs
  const [unanswered, low] = await Promise.all([
    listUnansweredTopUps(running.db, topUpsTogether),
    listLowAccounts(running.db, topUpsTogether),
  ])
  const due = low.filter((account) => dueTopUp(account, Date.now()) || consequenceOf(account).outcome === 'stopped')
  if (unanswered.length + due.length === 0) return {}
  const { stripe, settings } = await openStripe(running)
  const charging = { ...running, stripe, livemode: settings.livemode }
  const work = [
    ...due.map(({ organizationId }) => ({ organizationId, carryOut: () => topUp(charging, organizationId) })),
    ...unanswered.map((each) => ({ organizationId: each.organizationId, carryOut: () => askAgain(charging, each) })),
  ].values()
  const counts: Record<string, number> = {}
  const workers = Array.from({ length: topUpsAtOnce }, async () => {
    for (const { organizationId, carryOut } of work) {
      const result = await carryOut().catch((error: unknown) => {
        logStripeFailure('automatic_top_up_failed', error, { organizationId })
        return 'broken' as const
      })
      if (result !== 'not_due') counts[result] = (counts[result] ?? 0) + 1
      if (Date.now() >= endsAtMs) return
    }
  })
  await Promise.all(workers)
  return counts
}

/** Begins and asks for the top-up of one customer, when it is still due once nobody else can begin another. */
async function topUp(charging: Charging, organizationId: string): Promise<Result> {
  const begun = await charging.transact(async (tx) => {
    const account = await lockAutomaticAccount(tx, organizationId)
    if (!account || (account.isActive && (await stopIfOver(tx, actor, account)))) return null
    const due = dueTopUp(account, Date.now())
    const from = chargeable(account)
    if (!due || !from || due.livemode !== charging.livemode) return null
    const { amountNanos, livemode } = due
    const topUpId = newId('top')
    await insertTopUp(tx, { id: topUpId, organizationId, kind: 'automatic', amountNanos, livemode, createdBy: null })
    await recordChange(tx, actor, {
      chain: { organizationId },
      action: 'top_up.requested',
      target: { type: 'top_up', id: topUpId },
      after: { kind: 'automatic', amountNanos, balanceNanos: account.balanceNanos },
    })
    return { payment: { topUpId, organizationId, amountNanos }, from }
  })
  if (!begun) return 'not_due'
  return conclude(charging, begun.payment, await askPayment(charging.stripe, begun.payment, begun.from))
}

/** What is charged, when an organization may be charged at all. */
function chargeable({ automatic, isActive, stripeCustomerId, paymentMethodId }: AutomaticAccount) {
  return automatic && isActive && stripeCustomerId !== null && paymentMethodId !== null ? { stripeCustomerId, paymentMethodId } : null
}

/**
 * Asks once more for a payment of unknown fate, under the same key, as long as Stripe keeps keys and the customer may still be charged; otherwise it is only
 * looked for, and what is not there by then was never made.
 */
async function askAgain(charging: Charging, payment: UnansweredTopUp): Promise<Result> {
  const { stripe } = charging
  const { organizationId, paymentIntentId, createdAtMs } = payment
  if (paymentIntentId !== null) return conclude(charging, payment, await lookUpPayment(stripe, paymentIntentId))
  const account = await readAutomaticAccount(charging.db, organizationId)
  if (!account || account.stripeCustomerId === null || account.livemode !== charging.livemode) return 'unknown'
  const ageMs = Date.now() - createdAtMs
  const from = ageMs < sameKeyMs ? chargeable(account) : null
  const asked: Asked = from ? await askPayment(stripe, payment, from) : { outcome: 'unknown' }
  if (asked.outcome === 'taken' || asked.outcome === 'failed') return conclude(charging, payment, asked)
  if (ageMs < listedMs || (from && asked.outcome === 'unknown')) return asked.outcome
  const found = await findPayment(stripe, account.stripeCustomerId, payment)
  if (found) return conclude(charging, payment, found)
  // Under a key that was used something may still come to light.
  if (asked.outcome === 'key_reused') return 'unknown'
  return conclude(charging, payment, { outcome: 'failed', failure: 'failed', paymentIntentId: null })
}

async function conclude({ db, transact }: Charging, { topUpId, organizationId }: Payment, asked: Asked): Promise<Result> {
  if (asked.outcome === 'taken') await notePaymentIntent(db, topUpId, asked.paymentIntentId)
  if (asked.outcome === 'failed') {
    const { failure, paymentIntentId } = asked
    await transact((tx) => failTopUp(tx, actor, { organizationId, topUpId, failure, paymentIntentId }))
  }
  return asked.outcome
}
