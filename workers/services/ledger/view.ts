import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { LedgerView } from '#shared/contracts/customer.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { withinMs } from '../within.ts'
import type { LedgerNamespace } from './namespace.ts'

export type LedgerViewOutcome = { view: LedgerView; note: null } | { view: null; note: string }

/** What the ledger object sees of a customer's money. Never throws: a page about a customer must open when the object does not. */
export async function viewLedger(ledger: LedgerNamespace, snapshot: AccountSnapshot, timeoutMs: number): Promise<LedgerViewOutcome> {
  // The object speaks of money only to one who names a living key.
  const key = snapshot.keys[0]
  if (!key) return { view: null, note: 'the customer has no living key' }
  try {
    const standing = rpcAnswer(ledger.getByName(snapshot.organizationId).standing({ keyId: key.keyId, snapshot }))
    const answer = await withinMs(timeoutMs, standing)
    if (answer.outcome === 'refused') return { view: null, note: `the ledger object says ${answer.reason}` }
    if (answer.outcome !== 'known') return { view: null, note: 'the ledger object wants a newer snapshot' }
    const { heldNanos, unconfirmedNanos } = answer
    return { view: { heldNanos, unconfirmedNanos, availableNanos: answer.standing.availableNanos }, note: null }
  } catch (error) {
    logFailure('ledger_not_reached', error, { organizationId: snapshot.organizationId })
    return { view: null, note: 'the ledger object could not be reached' }
  }
}
