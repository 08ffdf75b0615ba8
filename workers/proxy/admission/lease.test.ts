import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { HoldReference } from '#shared/contracts/ledger.ts'
import type { Settlement } from '#shared/contracts/usage-event.ts'
import { settleAnswerMs } from '../limits.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { Lease } from './lease.ts'

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('scheduler', { wait: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const leaseMs = 30_000
const reference: HoldReference = {
  request: {
    requestId: 'req_1',
    keyId: 'key_1',
    model: 'm',
    priceVersionId: 'prc_1',
    method: 'POST',
    path: '/v1/chat/completions',
    clientIp: '192.0.2.1',
    userAgent: 'test',
    startedAtMs: 0,
  },
  holdNanos: 600,
  reservedTokens: 10,
}

function settlement(costNanos: number): Settlement {
  const route = { routeId: 'rte_1', upstream: 'u', latencyMs: 1, timeToFirstTokenMs: null }
  return { costNanos, usage: {}, estimated: false, capped: false, end: 'completed', status: 200, ...route }
}

/** A lease whose report costs one nano more with every tick. */
function begun() {
  const ledger = new ScriptedLedger()
  let ticks = 0
  const lease = new Lease(exchangeWith(ledger), { reference, organizationId: 'org_1', leaseMs, headers: {} }, () => settlement(++ticks))
  return { ledger, lease }
}

test('a running request renews its lease before it ends, each time with its hold and its progress', async () => {
  const { ledger, lease } = begun()
  await vi.advanceTimersByTimeAsync(leaseMs - 1)
  expect(ledger.renewed).toEqual([1, 2].map((costNanos) => ({ ...reference, report: settlement(costNanos) })))
  await vi.advanceTimersByTimeAsync(leaseMs)
  expect(ledger.renewed.length).toBeGreaterThanOrEqual(4)
  const settled = lease.settle(settlement(50))
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await settled
})

test('a settled request renews no more: a hold opened again would belong to nobody', async () => {
  const { ledger, lease } = begun()
  const settled = lease.settle(settlement(50))
  await vi.advanceTimersByTimeAsync(3 * leaseMs)
  await settled
  expect(ledger.settled).toEqual([{ ...reference, settlement: settlement(50) }])
  expect(ledger.renewed).toEqual([])
  expect([...ledger.organizations]).toEqual(['org_1'])
})

test('a request is settled once, whoever asks again', async () => {
  const { ledger, lease } = begun()
  const settled = lease.settle(settlement(50))
  await expect(lease.settle(settlement(60))).rejects.toThrow('settled twice')
  await vi.advanceTimersByTimeAsync(settleAnswerMs)
  await settled
  expect(ledger.settled.map((request) => request.settlement.costNanos)).toEqual([50])
})
