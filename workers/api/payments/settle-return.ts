import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { insertFinding, isDecidedByPerson } from '#db/queries/payments/findings.ts'
import { changeTopUp, findTopUpOfIntent, listReturns, lockTopUp, saveReturn, type TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import { applied, type Settled, unchanged } from './credit-top-up.ts'
import { idOf, type Payments, type Settlement } from './payments.ts'
import { returnedNanos } from './returned.ts'
import { settleCheckout, settlePaymentIntent } from './settle.ts'

/** Money that a customer has, or had, back by a refund or a dispute. */
interface Return {
  /** Id of the refund or dispute at Stripe. */
  id: string
  cause: 'refund' | 'dispute'
  cents: number
  currency: string
  livemode: boolean | null
  paymentIntentId: string | null
  /** Whether the money is with the platform again. */
  cameBack: boolean
}

/** Takes what was refunded from the balance, once, and gives it back, once, when the refund fails. As `settleCheckout` otherwise. */
export async function settleRefund(payments: Payments, refundId: string): Promise<Settlement> {
  const { id, amount, currency, status, payment_intent } = await payments.stripe.refunds.retrieve(refundId)
  const cameBack = status === 'failed' || status === 'canceled'
  const paymentIntentId = idOf(payment_intent)
  return settleReturn(payments, { id, cause: 'refund', cents: amount, currency, livemode: null, paymentIntentId, cameBack })
}

/** Every refund of a charge. */
export async function settleRefundsOfCharge(payments: Payments, chargeId: string): Promise<Settlement> {
  let settlement: Settlement = 'unchanged'
  for await (const { id } of payments.stripe.refunds.list({ charge: chargeId, limit: 100 })) {
    const each = await settleRefund(payments, id)
    if (settlement !== 'set_aside') settlement = each === 'unchanged' ? settlement : each
  }
  return settlement
}

/** Stripe has taken the money of a dispute in these states. An inquiry (`warning_…`) and a dispute that was prevented take none. */
const takesMoney = ['needs_response', 'under_review', 'appeal_needs_response', 'appeal_under_review', 'lost']

/** Takes what is disputed from the balance, once, and gives it back, once, when the dispute is won. As `settleCheckout` otherwise. */
export async function settleDispute(payments: Payments, disputeId: string): Promise<Settlement> {
  const { id, amount, currency, livemode, status, payment_intent } = await payments.stripe.disputes.retrieve(disputeId)
  const cameBack = status === 'won'
  if (!cameBack && !takesMoney.includes(status)) return 'unchanged'
  const paymentIntentId = idOf(payment_intent)
  return settleReturn(payments, { id, cause: 'dispute', cents: amount, currency, livemode, paymentIntentId, cameBack })
}

async function settleReturn(payments: Payments, given: Return): Promise<Settlement> {
  const topUp = given.paymentIntentId === null ? null : await creditedTopUp(payments, given.paymentIntentId)
  if (!topUp) return 'unchanged'
  const { organizationId } = topUp
  const { value } = await changeAccount(payments, organizationId, async (tx): Promise<Settled> => {
    await tx.execute(lockOrganizations([organizationId]))
    const locked = await lockTopUp(tx, topUp.id)
    assert(locked, 'top-ups are never deleted')
    return (await isDecidedByPerson(tx, given.id)) ? unchanged : move(payments, tx, locked, given)
  })
  return value.settlement
}

/** The top-up that was paid so. What went back may be heard of before what was paid: that is settled first. */
async function creditedTopUp(payments: Payments, paymentIntentId: string): Promise<TopUpRow | null> {
  const known = await findTopUpOfIntent(payments.db, paymentIntentId)
  if (known?.status === 'succeeded') return known
  const { data } = await payments.stripe.checkout.sessions.list({ payment_intent: paymentIntentId, limit: 1 })
  if (data[0]) await settleCheckout(payments, data[0].id)
  else await settlePaymentIntent(payments, paymentIntentId)
  const credited = await findTopUpOfIntent(payments.db, paymentIntentId)
  return credited?.status === 'succeeded' ? credited : null
}

/** Moves the balance by what this return changes of all that went back. */
async function move(payments: Payments, tx: Db, topUp: TopUpRow, given: Return): Promise<Settled> {
  const { id: topUpId, organizationId, amountNanos, paidCents } = topUp
  const known = await listReturns(tx, topUpId)
  const before = known.find(({ id }) => id === given.id)
  if (before ? before.cameBack || !given.cameBack : given.cameBack) return unchanged
  const wrong = findingOf(payments, given)
  if (wrong) return setAside(tx, topUp, given, wrong)
  assert(paidCents !== null, 'a top-up that was credited was paid')
  const others = known.filter(({ id, cameBack }) => id !== given.id && !cameBack).reduce((sum, { cents }) => sum + cents, 0)
  const after = returnedNanos({ amountNanos, paidCents }, others + (given.cameBack ? 0 : given.cents))
  const movedNanos = topUp.returnedNanos - after
  const balanceNanos = movedNanos === 0 ? null : await post(tx, topUp, given, movedNanos)
  if (balanceNanos === 'out_of_range') return setAside(tx, topUp, given, 'balance_out_of_range')
  await saveReturn(tx, { id: given.id, topUpId, cents: given.cents, cameBack: given.cameBack })
  await changeTopUp(tx, topUpId, { returnedNanos: after })
  const action = `top_up.${given.cause}${given.cameBack ? '_reversed' : given.cause === 'refund' ? 'ed' : 'd'}`
  const [target, told] = [
    { type: 'top_up', id: topUpId },
    { [given.cause]: given.id, cents: given.cents, movedNanos, returnedNanos: after },
  ]
  await recordChange(tx, payments.actor, { chain: { organizationId }, action, target, after: told })
  if (balanceNanos !== null && !given.cameBack) {
    const data = { topUpId, cause: given.cause, amountNanos: -movedNanos, balanceNanos }
    await recordEvent(tx, { organizationId, type: 'refund.created', data, dedupe: given.id })
  }
  return applied
}

/** The balance afterwards. It may be below zero, which stops all spending by itself. */
async function post(tx: Db, topUp: TopUpRow, { id, cause, cameBack }: Return, amountNanos: number): Promise<number | 'out_of_range'> {
  const names = { refund: ['refund', 'refund_failed'], dispute: ['dispute', 'dispute_won'] } as const
  const name = names[cause][cameBack ? 1 : 0]
  const entry = {
    organizationId: topUp.organizationId,
    amountNanos,
    kind: cameBack ? 'credit' : 'debit',
    eventId: `${name}:${id}`,
  } as const
  const posted = await postEntry(tx, { ...entry, reason: `${name.replace('_', ' ')} of top-up ${topUp.id}` })
  if (posted.outcome !== 'refused') return posted.balanceNanos
  assert(posted.reason === 'balance_out_of_range', 'a return has an event id of its own')
  return 'out_of_range'
}

function findingOf({ settings }: Payments, { livemode, currency }: Return): 'wrong_mode' | 'wrong_currency' | null {
  if (livemode !== null && livemode !== settings.livemode) return 'wrong_mode'
  return currency === 'usd' ? null : 'wrong_currency'
}

async function setAside(
  tx: Db,
  topUp: TopUpRow,
  given: Return,
  reason: 'wrong_mode' | 'wrong_currency' | 'balance_out_of_range',
): Promise<Settled> {
  const { id: objectId, cents, currency, livemode } = given
  const details = { topUpId: topUp.id, cents, currency, livemode }
  await insertFinding(tx, { objectId, reason, organizationId: topUp.organizationId, details })
  return { outcome: 'refused', settlement: 'set_aside' }
}
