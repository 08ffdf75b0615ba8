import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { recordUsage } from '#db/queries/record-usage.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { settlementEvent } from '#db/testing/usage-events.ts'
import { RequestStatus } from '#shared/contracts/request-status.ts'
import type { Attempt, UsageEvent } from '#shared/contracts/usage-event.ts'
import { newId } from '#shared/values/id.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { readRequestStatus } from './request-status.ts'
import { exchangeWith } from './testing/exchange.ts'
import { ScriptedLedger } from './testing/scripted-ledger.ts'

let database: TestDatabase
let customer: { apiKey: string; keyId: string; organizationId: string }

beforeAll(async () => {
  database = await startTestDatabase()
  customer = await createOrganization(nodePlatform(database.db), {})
})
afterAll(() => database.stop())
beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue(undefined))
afterEach(() => vi.restoreAllMocks())

const answered: Attempt = { routeId: 'rte_test', upstream: 'scripted', outcome: 'answered', status: 200, latencyMs: 9, costNanos: 7 }
const limited: Attempt = { ...answered, routeId: 'rte_other', outcome: 'rate_limited', status: 429, trace: 'trace-1' }

function settled(changes: Partial<UsageEvent['settlement']> = {}): UsageEvent {
  const startedAtMs = Date.now()
  const event = settlementEvent({
    requestId: newId('req', startedAtMs),
    keyId: customer.keyId,
    startedAtMs,
    settledAtMs: startedAtMs + 900,
  })
  return { ...event, settlement: { ...event.settlement, attempts: [answered], ...changes } }
}

/** Asks for a request with the customer's key. */
async function ask(requestId: string, ledger: ScriptedLedger, isPostgresThere = true) {
  const request = new Request('https://relay.test/', { headers: { authorization: `Bearer ${customer.apiKey}` } })
  const response = await readRequestStatus(exchangeWith(ledger, isPostgresThere ? { db: database.db, request } : { request }), requestId)
  return RequestStatus.strict().parse(await response.json())
}

/** What the ledger knows of the request. */
function knowing(found: ScriptedLedger['found']): ScriptedLedger {
  const ledger = new ScriptedLedger()
  ledger.found = found
  return ledger
}

const record = (event: UsageEvent) => recordUsage(database.db, [{ organizationId: customer.organizationId, events: [event] }])

test('a running request tells what is known of it, and what its end will tell is null', async () => {
  const { request } = settled()
  const ledger = knowing({ state: 'running', request })
  expect(await ask(request.requestId, ledger)).toEqual({
    object: 'request',
    id: request.requestId,
    state: 'running',
    model: 'gpt-relay-fast',
    endpoint: '/v1/chat/completions',
    createdAt: new Date(request.startedAtMs).toISOString(),
    status: null,
    end: null,
    latencyMs: null,
    timeToFirstTokenMs: null,
    usage: null,
    cost: null,
    estimated: false,
    capped: false,
    route: null,
    byok: null,
    credentialId: null,
    attempts: [],
  })
  expect(ledger.sought).toEqual([{ requestId: request.requestId, keyId: customer.keyId }])
  expect([...ledger.organizations]).toEqual([customer.organizationId])
})

test.each<[string, Partial<UsageEvent['settlement']>, object]>([
  [
    'answered at once',
    {},
    {
      status: 200,
      end: 'completed',
      latencyMs: 800,
      timeToFirstTokenMs: 120,
      usage: { inputTokens: 100, cacheReadTokens: 0, outputTokens: 50 },
      cost: { nanos: 1_000, usd: '0.000001' },
      estimated: false,
      capped: false,
      route: { id: 'rte_test', upstream: 'scripted' },
      byok: false,
      credentialId: null,
      attempts: [{ outcome: 'answered', upstream: 'scripted', routeId: 'rte_test', status: 200, latencyMs: 800 }],
    },
  ],
  [
    'answered at the second attempt',
    { attempts: [limited, answered] },
    {
      attempts: [
        { outcome: 'rate_limited', upstream: 'scripted', routeId: 'rte_other', status: 429, latencyMs: 9 },
        { outcome: 'answered', upstream: 'scripted', routeId: 'rte_test', status: 200, latencyMs: 9 },
      ],
    },
  ],
  [
    'refused by every upstream',
    { attempts: [limited], status: 429, end: 'upstream_error', costNanos: 0, usage: {}, routeId: null, upstream: null },
    {
      status: 429,
      end: 'upstream_error',
      usage: {},
      cost: { nanos: 0, usd: '0.00' },
      route: null,
      attempts: [{ outcome: 'rate_limited', upstream: 'scripted', routeId: 'rte_other', status: 429, latencyMs: 9 }],
    },
  ],
  ['never sent', { attempts: [], status: 503, end: 'upstream_error', routeId: null, upstream: null }, { route: null, attempts: [] }],
  ['estimated', { estimated: true, capped: true, end: 'expired' }, { estimated: true, capped: true, end: 'expired' }],
  ["served by a credential of the customer's own", { credentialId: 'byk_1', costNanos: 0 }, { byok: true, credentialId: 'byk_1' }],
  ['served by another model', { served: { model: 'gpt-other', priceVersionId: 'prc_2' } }, { model: 'gpt-other' }],
])('an ended request says the same whether Postgres has it or not: one %s', async (_, changes, said) => {
  const event = settled(changes)
  const { requestId } = event.request
  const before = await ask(requestId, knowing({ state: 'settled', event }), false)
  expect(before).toMatchObject({ id: requestId, state: 'settled', ...said })
  await record(event)
  expect(await ask(requestId, knowing({ state: 'unknown' }))).toEqual({ ...before, state: 'recorded' })
  expect(JSON.stringify(before)).not.toMatch(/trace|prc_|203\.0\.113/)
})

test('what the ledger still knows is newer than the record', async () => {
  const event = settled()
  await record(event)
  const truth: UsageEvent = { ...event, kind: 'adjustment', settlement: { ...event.settlement, costNanos: 250 } }
  expect(await ask(event.request.requestId, knowing({ state: 'settled', event: truth }))).toMatchObject({
    state: 'settled',
    cost: { nanos: 250 },
  })
})

test('a request that nobody knows is not found', async () => {
  await expect(ask(newId('req'), knowing({ state: 'unknown' }))).rejects.toMatchObject({ code: 'request_not_found', status: 404 })
})

test('what is no request id is not found, and nobody is asked', async () => {
  const ledger = knowing({ state: 'unknown' })
  for (const id of ['', 'x', newId('key'), `${newId('req')}x`]) {
    await expect(ask(id, ledger, false)).rejects.toMatchObject({ code: 'request_not_found' })
  }
  expect(ledger.sought).toEqual([])
})

test('without Postgres, or without the ledger, nothing is said to be missing', async () => {
  await expect(ask(newId('req'), knowing({ state: 'unknown' }), false)).rejects.toMatchObject({ code: 'unavailable' })
  const away = new ScriptedLedger()
  const ledgerOf = () => ({ find: () => Promise.reject(new Error('ledger is away')) }) as never
  await expect(ask(newId('req'), Object.assign(away, { ledgerOf }))).rejects.toMatchObject({ code: 'unavailable' })
})

test('without a key nothing is told', async () => {
  const exchange = exchangeWith(new ScriptedLedger(), { db: database.db, request: new Request('https://relay.test/') })
  await expect(readRequestStatus(exchange, newId('req'))).rejects.toMatchObject({ code: 'missing_api_key' })
})
