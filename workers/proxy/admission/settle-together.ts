import type { CustomerLedgerRpc, SettleRequest } from '#shared/contracts/ledger.ts'
import { logFailure } from '#workers/edge/log.ts'
import { rpcAnswer } from '#workers/edge/rpc-answer.ts'
import { gatheredSettlements, gatherMs, settleAnswerMs, settleWaitsMs } from '../limits.ts'

/** Settlements of one customer that go to its ledger in one call, made by the request that came first. */
interface Gathering {
  settlements: SettleRequest[]
  startedAtMs: number
  isAcknowledged: boolean
}

const gatherings = new Map<string, Gathering>()

/**
 * Settles a request, in one call with those of this isolate and customer that end in the same moment: a call for each would cost more than
 * everything else after the answer. What the common call does not bring through is sent again alone; it counts once however often it arrives.
 * Never rejects: when no try helps, the lease's expiry settles the request from its last report.
 */
export async function settleTogether(organizationId: string, request: SettleRequest, ledgerOf: () => CustomerLedgerRpc): Promise<void> {
  const open = gatherings.get(organizationId)
  // A gathering grown old belongs to a request whose Worker has ended before its call.
  const isOpen = open && open.settlements.length < gatheredSettlements && Date.now() - open.startedAtMs <= 2 * gatherMs
  if (isOpen ? await joinGathering(open, request) : await leadGathering(organizationId, request, ledgerOf)) return
  for (const waitMs of settleWaitsMs) {
    if (await trySettle([request], ledgerOf)) return
    await scheduler.wait(waitMs)
  }
  await trySettle([request], ledgerOf)
}

async function leadGathering(organizationId: string, request: SettleRequest, ledgerOf: () => CustomerLedgerRpc): Promise<boolean> {
  const gathering: Gathering = { settlements: [request], startedAtMs: Date.now(), isAcknowledged: false }
  gatherings.set(organizationId, gathering)
  await scheduler.wait(gatherMs)
  if (gatherings.get(organizationId) === gathering) gatherings.delete(organizationId)
  gathering.isAcknowledged = await trySettle(gathering.settlements, ledgerOf)
  return gathering.isAcknowledged
}

/** Another request's call cannot be awaited from this one, so it is looked for when its answer should be there. */
async function joinGathering(gathering: Gathering, request: SettleRequest): Promise<boolean> {
  gathering.settlements.push(request)
  await scheduler.wait(settleAnswerMs)
  return gathering.isAcknowledged
}

/** Whether the ledger has acknowledged, which it does when the settlements are durable. A stub that failed stays broken, so each try makes its own. */
async function trySettle(settlements: SettleRequest[], ledgerOf: () => CustomerLedgerRpc): Promise<boolean> {
  try {
    await rpcAnswer(ledgerOf().settle({ settlements }))
    return true
  } catch (error) {
    logFailure('settle_failed', error, { requestId: settlements[0]?.request.requestId ?? '' })
    return false
  }
}
