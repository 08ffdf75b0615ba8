import { afterAll, describe, expect, inject, test } from 'vitest'
import { RouteList } from '#shared/contracts/route.ts'
import { portOffsets } from '#workers/dev/ports.ts'
import { type ProxiedFailure, proxiedModelOf } from './catalogue.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { restart } from './faults.ts'
import { expectSoundBooks } from './invariants.ts'

const proxiedModel = 'claude-relay-proxied'
const trace = expect.stringMatching(/^\d{14}-[0-9a-f]{16}-[0-9a-f]{8}$/)

/** What each failure is for the attempt, and what a client is told who wants no other route. */
const failures: [ProxiedFailure, { outcome: string; status: number; trace?: unknown }, { status: number; code: string }][] = [
  ['cooldown-1', { outcome: 'rate_limited', status: 429 }, { status: 429, code: 'upstream_rate_limited' }],
  ['auth-unavailable', { outcome: 'unauthorized', status: 503 }, { status: 502, code: 'upstream_error' }],
  ['nothing', { outcome: 'failed', status: 400 }, { status: 502, code: 'upstream_error' }],
  ['error-503', { outcome: 'overloaded', status: 503, trace }, { status: 503, code: 'upstream_unavailable' }],
  ['error-401', { outcome: 'unauthorized', status: 401, trace }, { status: 502, code: 'upstream_error' }],
]

afterAll(async () => {
  await turn({})
  await runCron()
  // The catalogue of a running proxy may be older than the routes' recovery.
  await restart('proxy')
})

describe.concurrent('a CLIProxyAPI that cannot serve', () => {
  test.each(failures)('with %s is passed over, and the request is charged once', async (failure, attempt) => {
    await expectFailover(await newCustomer(), proxiedModelOf(failure), attempt)
  })

  test.each(failures)('with %s is the answer when the client wants no other', async (failure, _, { status, code }) => {
    const customer = await newCustomer()
    const answer = await customer.chat('', { model: proxiedModelOf(failure, 'alone'), extra: { relay: { fallback: false } } })
    expect([answer.status, await answer.json()]).toMatchObject([status, { error: { code } }])
    const { entries, records } = await expectSoundBooks(customer)
    expect(entries.filter(({ amountNanos }) => amountNanos < 0)).toEqual([])
    expect(records.map(({ costNanos }) => costNanos)).toEqual([0])
  })
})

test('a CLIProxyAPI that is down is passed over, and once the health check knows it, not even tried', async () => {
  const customer = await newCustomer()
  expect(await serverOf(customer)).toEqual({ upstream: 'cliproxy', attempts: '1' })
  await turn({ down: true })
  await expectFailover(await newCustomer(), proxiedModel, { outcome: 'unauthorized', status: 503 })
  expect(await runCron()).toMatchObject({ state: 'down', reason: expect.stringContaining('credential') })
  await turn({})
  // A new proxy has seen nothing go wrong, so that only the health check can have told it.
  await restart('proxy')
  expect(await serverOf(customer)).toEqual({ upstream: 'scripted', attempts: '1' })
  expect(await runCron()).toMatchObject({ state: 'up' })
  await restart('proxy')
  expect(await serverOf(customer)).toEqual({ upstream: 'cliproxy', attempts: '1' })
  await turn({ missing: ['cpa-fast'] })
  expect(await runCron()).toMatchObject({ state: 'down', reason: expect.stringContaining('model') })
  await expectSoundBooks(customer)
}, 120_000)

async function expectFailover(customer: Customer, model: string, attempt: { outcome: string; status: number; trace?: unknown }) {
  const answer = await customer.chat('', { model })
  expect([answer.status, answer.headers.get('x-relay-attempts'), answer.headers.get('x-relay-upstream')]).toEqual([200, '2', 'scripted'])
  expect([...answer.headers.keys()].filter((name) => name.startsWith('x-cpa'))).toEqual([])
  await answer.text()
  const { entries, logs } = await expectSoundBooks(customer)
  expect(entries.filter(({ amountNanos }) => amountNanos < 0).length).toBe(1)
  const attempts = logs[0]?.attempts ?? []
  expect(attempts).toMatchObject([
    { upstream: 'cliproxy', costNanos: 0, ...attempt },
    { upstream: 'scripted', outcome: 'answered', status: 200 },
  ])
  expect('trace' in (attempts[0] ?? {})).toBe('trace' in attempt)
}

async function serverOf(customer: Customer) {
  const answer = await customer.chat('', { model: proxiedModel })
  expect(answer.status, await answer.text()).toBe(200)
  return { upstream: answer.headers.get('x-relay-upstream'), attempts: answer.headers.get('x-relay-attempts') }
}

/** Switches the scripted CLIProxyAPI. */
async function turn(to: { down?: boolean; missing?: string[] }): Promise<void> {
  const answer = await fetch(`${inject('stack').upstreamUrl}/_truth/cliproxy`, { method: 'POST', body: JSON.stringify(to) })
  expect(answer.status).toBe(204)
}

/** Lets the cron ring as the platform would, and answers what an operator then sees of the route through the CLIProxyAPI. */
async function runCron() {
  const url = new URL(inject('stack').proxyUrl)
  url.port = String(Number(url.port) - portOffsets.proxy + portOffsets.quality)
  const answer = await fetch(new URL('/cdn-cgi/handler/scheduled', url))
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  const { routes } = await admin().call('GET', '/routes', RouteList)
  return routes.find(({ modelId, upstream }) => modelId === proxiedModel && upstream === 'cliproxy')
}
