import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CustomerLedgerRpc, SettleRequest } from '#shared/contracts/ledger.ts'
import { gatheredSettlements, gatherMs, settleAnswerMs, settleWaitsMs } from '../limits.ts'
import { settleTogether } from './settle-together.ts'

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('scheduler', { wait: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) })
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** The far side: remembers its calls, and fails as many of them as it is told. */
function scriptedLedger(failures = 0) {
  const calls: string[][] = []
  const settle: CustomerLedgerRpc['settle'] = ({ settlements }) => {
    calls.push(settlements.map(({ request }) => request.requestId))
    return calls.length <= failures ? Promise.reject(new Error('ledger is away')) : Promise.resolve([])
  }
  return { calls, ledgerOf: () => ({ settle }) as CustomerLedgerRpc }
}

/** Only the id matters here: the far side looks at nothing else. */
const settlementOf = (requestId: string) => ({ request: { requestId } }) as SettleRequest

test('settlements of one moment and customer go in one call, those of others in theirs', async () => {
  const { calls, ledgerOf } = scriptedLedger()
  const all = ['a', 'b', 'c'].map((id) => settleTogether('org_1', settlementOf(id), ledgerOf))
  all.push(settleTogether('org_2', settlementOf('d'), ledgerOf))
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await Promise.all(all)
  expect(calls).toEqual([['a', 'b', 'c'], ['d']])
})

test('what the common call did not bring through, each sends again alone until it is acknowledged', async () => {
  const { calls, ledgerOf } = scriptedLedger(2)
  const all = ['a', 'b'].map((id) => settleTogether('org_1', settlementOf(id), ledgerOf))
  await vi.advanceTimersByTimeAsync(60_000)
  await Promise.all(all)
  expect(calls).toEqual([['a', 'b'], ['a'], ['a'], ['b']])
})

test('a gathering whose request has died is not joined any more', async () => {
  const { calls, ledgerOf } = scriptedLedger()
  // The first wait of the leader never ends: its Worker is gone.
  vi.stubGlobal('scheduler', { wait: () => new Promise(() => undefined) })
  void settleTogether('org_1', settlementOf('dead'), ledgerOf)
  vi.stubGlobal('scheduler', { wait: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) })
  const follower = settleTogether('org_1', settlementOf('follower'), ledgerOf)
  await vi.advanceTimersByTimeAsync(2 * gatherMs + 1)
  const late = settleTogether('org_1', settlementOf('late'), ledgerOf)
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await Promise.all([follower, late])
  expect(calls).toEqual([['late'], ['follower']])
})

test('a gathering that has left is not joined: nobody would carry the latecomer', async () => {
  const { calls, ledgerOf } = scriptedLedger()
  const first = settleTogether('org_left', settlementOf('first'), ledgerOf)
  await vi.advanceTimersByTimeAsync(gatherMs)
  expect(calls).toEqual([['first']])
  const late = settleTogether('org_left', settlementOf('late'), ledgerOf)
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await Promise.all([first, late])
  expect(calls).toEqual([['first'], ['late']])
})

test('a gathering has an end: more than it takes go in another call', async () => {
  const { calls, ledgerOf } = scriptedLedger()
  const ids = Array.from({ length: gatheredSettlements + 1 }, (_, index) => String(index))
  const all = ids.map((id) => settleTogether('org_1', settlementOf(id), ledgerOf))
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await Promise.all(all)
  expect(calls.map((call) => call.length)).toEqual([gatheredSettlements, 1])
})

test('when the ledger stays away the tries end, and nothing is thrown', async () => {
  const { calls, ledgerOf } = scriptedLedger(Number.POSITIVE_INFINITY)
  const settled = settleTogether('org_1', settlementOf('a'), ledgerOf)
  await vi.advanceTimersByTimeAsync(60_000)
  await expect(settled).resolves.toBeUndefined()
  expect(calls).toHaveLength(1 + settleWaitsMs.length + 1)
})
