import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { generateApiKey } from '#shared/values/api-key.ts'
import { dollarsPerMillion, none, type Operations, type Taken, tableOf } from './count.ts'
import { CountedRelay } from './relay.ts'

const relay = new CountedRelay()
const measured = new Map<string, { counted: Operations; requests: number }>()

/** Takes what was counted, and keeps it for the table. */
function taken(name: string, requests = 1): Operations {
  const { counted } = relay.counter.take()
  measured.set(name, { counted, requests })
  return counted
}

beforeAll(async () => {
  await relay.known()
})

afterEach(() => {
  relay.farSide.upstreamWaitMs = 0
})

afterAll(() => {
  relay.end()
  console.log(tableOf(measured))
})

/** What the queue and Postgres take for one message, whatever is in it. */
const oneMessage = { consumerRuns: 1, queueMessages: 1, queueOperations: 3, postgresStatements: 2, postgresRoundTrips: 1 }

describe('one request alone, until its customer is at rest again', () => {
  test('admits, settles, hears and rings once, and writes its event, the balance and the alarm', async () => {
    const customer = await relay.known()
    expect(await relay.request(customer.apiKey)).toBe(200)
    await relay.rest(customer)
    expect(taken('alone')).toEqual({ ...none, ...oneMessage, proxyRequests: 1, objectRequests: 4, rowsWritten: 3 })
  })

  test('reads key and catalogue once each when they are no longer known, and writes the newer account', async () => {
    const customer = await relay.customer()
    vi.setSystemTime(Date.now() + 60_001)
    expect(await relay.request(customer.apiKey)).toBe(200)
    await relay.rest(customer)
    const read = { postgresStatements: 4, postgresRoundTrips: 3 }
    expect(taken('alone, cold')).toEqual({ ...none, ...oneMessage, ...read, proxyRequests: 1, objectRequests: 4, rowsWritten: 4 })
  })

  test('that takes longer than a flush writes its hold too', async () => {
    const customer = await relay.known()
    relay.farSide.upstreamWaitMs = 300
    expect(await relay.request(customer.apiKey)).toBe(200)
    await relay.rest(customer)
    expect(taken('alone, slow')).toEqual({ ...none, ...oneMessage, proxyRequests: 1, objectRequests: 4, rowsWritten: 4 })
  })

  test('as a stream of a minute takes a call and a row more for each of two renewals', async () => {
    const customer = await relay.known()
    const { promise, resolve } = Promise.withResolvers<void>()
    relay.farSide.streamGoesOn = promise
    const answered = relay.request(customer.apiKey, { stream: true, stream_options: { include_usage: true } })
    for (const seconds of [0, 20, 20, 19]) {
      await vi.advanceTimersByTimeAsync(seconds * 1_000)
      await scheduler.wait(150)
    }
    resolve()
    expect(await answered).toBe(200)
    await relay.rest(customer)
    expect(taken('stream, 1 min')).toEqual({ ...none, ...oneMessage, proxyRequests: 1, objectRequests: 6, rowsWritten: 6 })
  })
})

describe('a busy customer, 40 requests in flight', () => {
  const requests = 600
  let taken: Taken
  let seconds = 0

  beforeAll(async () => {
    const customer = await relay.known()
    relay.farSide.upstreamWaitMs = 150
    const client = async () => {
      for (let index = 0; index < requests / 40; index++) expect(await relay.request(customer.apiKey)).toBe(200)
    }
    const startedAtMs = performance.now()
    await relay.delivering(Promise.all(Array.from({ length: 40 }, client)))
    seconds = (performance.now() - startedAtMs) / 1_000
    await relay.rest(customer)
    taken = relay.counter.take()
    measured.set('busy', { counted: taken.counted, requests })
  })

  test('is admitted by a call each, and shares all other calls', () => {
    const { admit, settle = 0, applied = 0, alarm, ...others } = taken.calls
    expect({ admit, alarm, others }).toEqual({ admit: requests, alarm: 1, others: {} })
    expect(settle).toBeLessThanOrEqual(requests * 0.15)
    expect(applied).toBe(taken.counted.consumerRuns)
  })

  test('writes two rows for each request that outlives a flush, and few for all together', () => {
    expect(taken.counted.rowsWritten).toBeLessThanOrEqual(requests * 2.1)
  })

  test('sends a message a second, recorded by two statements', () => {
    const { queueMessages, queueOperations, consumerRuns, postgresStatements, postgresRoundTrips } = taken.counted
    expect(queueMessages).toBeLessThanOrEqual(Math.ceil(seconds) + 1)
    expect(queueOperations).toBe(3 * queueMessages)
    expect(consumerRuns).toBeLessThanOrEqual(queueMessages)
    expect([postgresStatements, postgresRoundTrips]).toEqual([2 * consumerRuns, consumerRuns])
  })

  test('keeps to the targets', () => {
    const { counted } = taken
    expect(counted.proxyRequests).toBe(requests)
    expect(counted.objectRequests).toBeLessThanOrEqual(2.1 * requests)
    expect(counted.rowsWritten).toBeLessThanOrEqual(3 * requests)
    expect(counted.queueMessages).toBeLessThanOrEqual(0.02 * requests)
    expect(counted.postgresStatements).toBeLessThanOrEqual(0.02 * requests)
    expect(counted.redisCommands).toBe(0)
    expect(dollarsPerMillion(counted, requests)).toBeLessThanOrEqual(2.7)
  })
})

describe('a refused request', () => {
  test('for want of credit takes one call and writes nothing', async () => {
    const customer = await relay.customer({ creditNanos: 0 })
    await relay.request(customer.apiKey)
    await relay.rest(customer)
    relay.counter.take()
    expect(await relay.request(customer.apiKey)).toBe(402)
    await relay.rest(customer)
    expect(taken('402')).toEqual({ ...none, proxyRequests: 1, objectRequests: 1 })
  })

  test('over its rate takes one call and writes nothing', async () => {
    const customer = await relay.customer({ limits: { requestsPerMinute: 1 } })
    expect(await relay.request(customer.apiKey)).toBe(200)
    await relay.confirmed(customer.organizationId)
    relay.counter.take()
    expect(await relay.request(customer.apiKey)).toBe(429)
    await scheduler.wait(200)
    expect(taken('429')).toEqual({ ...none, proxyRequests: 1, objectRequests: 1 })
    await relay.rest(customer)
    relay.counter.take()
  })

  test('with an unknown key is looked up and counted once, and then not at all', async () => {
    const apiKey = generateApiKey()
    expect(await relay.request(apiKey)).toBe(401)
    expect(taken('unknown key')).toEqual({ ...none, proxyRequests: 1, postgresStatements: 1, postgresRoundTrips: 1, redisCommands: 1 })
    expect(await relay.request(apiKey)).toBe(401)
    expect(taken('again')).toEqual({ ...none, proxyRequests: 1 })
    expect(await relay.request('rrk_mistyped')).toBe(401)
    expect(relay.counter.take().counted).toEqual({ ...none, proxyRequests: 1 })
  })
})

test('a customer at rest costs nothing, however long', async () => {
  const customer = await relay.known()
  await scheduler.wait(1_200)
  vi.setSystemTime(Date.now() + 86_400_000)
  await relay.deliver()
  await relay.rest(customer)
  expect(relay.counter.take().counted).toEqual(none)
})
