import type { Db } from '#db/client.ts'
import { lockOrganizations } from '#db/queries/lock-organizations.ts'
import { insertFinding, isDecidedByPerson, type NewFinding } from '#db/queries/payments/findings.ts'
import { changeTopUp, findTopUp, lockBillingAccount, lockTopUp, type TopUpRow } from '#db/queries/payments/settled-top-ups.ts'
import { postEntry } from '#db/queries/post-entry.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import { recordEvent } from '#workers/services/events/record-event.ts'
import { changeAccount } from '#workers/services/ledger/change-account.ts'
import { judgePayment, type Paid } from './judge-payment.ts'
import { noteInvoice } from './note-invoice.ts'
import type { Payments, Settlement } from './payments.ts'
import { saveFirstCard } from './saved-card.ts'

/** What a transaction came to; `refused` tells the ledger object nothing. */
export type Settled = { outcome: 'settled'; settlement: 'applied' } | { outcome: 'refused'; settlement: Settlement }

export const applied: Settled = { outcome: 'settled', settlement: 'applied' }
export const unchanged: Settled = { outcome: 'refused', settlement: 'unchanged' }

/** Gives a customer what was paid, once. A payment that is not what was asked for credits nothing, and waits for a person. */
export async function creditTopUp(payments: Payments, topUpId: string, paid: Paid): Promise<Settlement> {
  const known = await findTopUp(payments.db, topUpId)
  if (!known) return setAsideUnknown(payments, topUpId, paid)
  const { organizationId } = known
  const { value } = await changeAccount(payments, organizationId, async (tx): Promise<Settled> => {
    await tx.execute(lockOrganizations([organizationId]))
    const topUp = await lockTopUp(tx, topUpId)
    assert(topUp, 'top-ups are never deleted')
    if (topUp.status === 'succeeded') return settleAgain(tx, topUp, paid)
    if (await isDecidedByPerson(tx, paid.objectId)) return unchanged
    const account = await lockBillingAccount(tx, organizationId)
    const wrong = judgePayment(paid, topUp, account, payments.settings.livemode)
    return wrong ? setAside(payments, tx, topUp, { objectId: paid.objectId, organizationId, ...wrong }) : credit(payments, tx, topUp, paid)
  })
  return value.settlement
}

async function credit(payments: Payments, tx: Db, topUp: TopUpRow, paid: Paid): Promise<Settled> {
  const { id, organizationId, kind, amountNanos } = topUp
  const reason = `top-up ${id} (${kind})`
  const posted = await postEntry(tx, { organizationId, amountNanos, kind: 'credit', eventId: `topup:${id}`, reason })
  if (posted.outcome === 'refused') {
    assert(posted.reason === 'balance_out_of_range', 'the event id of a top-up is its own, and its organization is there')
    const { objectId } = paid
    return setAside(payments, tx, topUp, { objectId, organizationId, reason: posted.reason, details: { amountNanos } })
  }
  const { paidCents, taxCents, receiptUrl, paymentIntentId } = paid
  const sessionId = paid.sessionId ?? topUp.checkoutSessionId
  const change = { status: 'succeeded' as const, failure: null, paidCents, taxCents, receiptUrl, paymentIntentId }
  await changeTopUp(tx, id, { ...change, checkoutSessionId: sessionId, finishedAt: new Date() })
  const { balanceNanos } = posted
  const after = { kind, amountNanos, paidCents, taxCents, paymentIntentId, balanceNanos }
  const target = { type: 'top_up', id }
  await recordChange(tx, payments.actor, { chain: { organizationId }, action: 'top_up.succeeded', target, after })
  await recordEvent(tx, { organizationId, type: 'topup.succeeded', data: { topUpId: id, kind, amountNanos, balanceNanos }, dedupe: id })
  if (paid.invoice) await noteInvoice(tx, topUp, paid.invoice)
  if (paid.card) await saveFirstCard(payments, tx, organizationId, paid.card)
  return applied
}

/** It was credited before. What came later is its invoice; another payment of the same top-up is for a person. */
async function settleAgain(tx: Db, topUp: TopUpRow, paid: Paid): Promise<Settled> {
  if (paid.paymentIntentId !== topUp.paymentIntentId) {
    if (await isDecidedByPerson(tx, paid.objectId)) return unchanged
    const { id: topUpId, organizationId, paymentIntentId } = topUp
    const details = { topUpId, paidBefore: paymentIntentId, paidAgain: paid.paymentIntentId, paidCents: paid.paidCents }
    await insertFinding(tx, { objectId: paid.objectId, reason: 'wrong_amount', organizationId, details })
    return { outcome: 'refused', settlement: 'set_aside' }
  }
  if (!paid.invoice || topUp.invoiceNumber !== null) return unchanged
  await noteInvoice(tx, topUp, paid.invoice)
  return applied
}

async function setAside({ actor }: Payments, tx: Db, topUp: TopUpRow, finding: NewFinding): Promise<Settled> {
  await insertFinding(tx, finding)
  if (topUp.status !== 'review') {
    await changeTopUp(tx, topUp.id, { status: 'review', failure: null })
    const [target, after] = [{ type: 'top_up', id: topUp.id }, { reason: finding.reason }]
    await recordChange(tx, actor, { chain: { organizationId: topUp.organizationId }, action: 'top_up.set_aside', target, after })
  }
  return { outcome: 'refused', settlement: 'set_aside' }
}

async function setAsideUnknown({ db }: Payments, topUpId: string, { objectId, paidCents, currency }: Paid): Promise<Settlement> {
  if (await isDecidedByPerson(db, objectId)) return 'unchanged'
  const details = { topUpId: topUpId.slice(0, 100), paidCents, currency }
  await insertFinding(db, { objectId, reason: 'unknown_top_up', organizationId: null, details })
  return 'set_aside'
}
