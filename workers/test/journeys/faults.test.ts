import { afterAll, describe, expect, inject, test } from 'vitest'
import { Reconciliation } from '#shared/contracts/reconciliation.ts'
import { readParked } from './books.ts'
import { chunksOf, endsWithDone, streamBody } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { halt, kill, ready, restart } from './faults.ts'
import { expectNothingUnsettled, expectSoundBooks } from './invariants.ts'
import { expectNothingKept } from './nothing-kept.ts'

/** What the dead consumer's queue lost is sent again by the outbox a minute later. */
const resentMs = 150_000
let deprived: Customer

describe('the books stay sound', () => {
  test('when the usage consumer is killed under load', async () => {
    deprived = await newCustomer()
    const load = startLoad(deprived, 4_000)
    await pause(1_000)
    await kill('usage')
    expect((await load).every((status) => status === 200)).toBe(true)
    await ready('usage')
    expect((await deprived.chat('fast')).status).toBe(200)
  })

  test('when the proxy is killed in mid-stream: an orphan is settled once, by what was last reported of it', async () => {
    const customer = await newCustomer()
    const silent = [false, true].map((includeUsage) => readSome(customer, streamBody('stall', { includeUsage }), 2))
    const paced = readSome(customer, streamBody('paced-100', { text: '[tokens=120]' }), 45)
    await Promise.all([...silent, paced])
    await kill('proxy')
    await ready('proxy')
    await expectService(customer)
    const { records, logs } = await expectSoundBooks(customer)
    const orphans = logs.filter((log) => log.outcome === 'expired').map((log) => log.requestId)
    expect(orphans).toHaveLength(3)
    for (const orphan of records.filter((record) => orphans.includes(record.requestId))) {
      expect(orphan.estimated).toBe(true)
      expect(orphan.costNanos).toBeGreaterThan(0)
    }
  })

  test('when the ledger is killed in mid-stream: the stream goes on, and its truth is charged', async () => {
    const customer = await newCustomer()
    const whole = customer.post(streamBody('paced-100', { text: '[tokens=90]' })).then((response) => response.text())
    await pause(3_000)
    await kill('ledger')
    expect(endsWithDone(await whole)).toBe(true)
    await ready('ledger')
    await expectService(customer)
    const { records } = await expectSoundBooks(customer)
    expect(records.find((record) => record.outputTokens === 90)).toMatchObject({ estimated: false })
  })

  test('when proxy and ledger are killed at once', async () => {
    const customer = await newCustomer()
    await readSome(customer, streamBody('paced-100', { text: '[tokens=120]', includeUsage: true }), 45)
    await kill('proxy', 'ledger')
    await ready('proxy', 'ledger')
    await expectService(customer)
    const books = await expectSoundBooks(customer)
    expect(books.records.filter((record) => record.estimated)).toHaveLength(1)
  })

  test('when Postgres is away for seconds under load: who is known is served, who is not is asked to come back', async () => {
    const customer = await newCustomer()
    await expectService(customer)
    const load = startLoad(customer, 6_000)
    await pause(500)
    await halt('postgres')
    const stranger = await askAsStranger()
    await pause(3_500)
    await restart('postgres')
    expect(new Set(await load)).toEqual(new Set([200]))
    expect(stranger).toMatchObject({ status: 503, retryAfter: '2' })
    await expectSoundBooks(customer, 70_000)
  })

  test('when Postgres is killed under load', async () => {
    const customer = await newCustomer()
    await expectService(customer)
    const load = startLoad(customer, 4_000)
    await pause(1_000)
    await kill('postgres')
    await ready('postgres')
    expect(new Set(await load)).toEqual(new Set([200]))
    await expectSoundBooks(customer, 70_000)
  })

  test('and what the dead consumer never recorded is sent again and recorded once', async () => {
    const { records } = await expectSoundBooks(deprived, resentMs)
    expect(records).toHaveLength(deprived.requestIds.length)
  })
}, 180_000)

afterAll(async () => {
  await expectNothingUnsettled()
  expect(await admin().call('POST', '/reconciliations', Reconciliation, {})).toEqual({ differences: [] })
  expect(await readParked()).toEqual([])
  await expectNothingKept()
}, 60_000)

/** Sends requests one after another on three lanes for a while, and answers their statuses. */
async function startLoad(customer: Customer, forMs: number): Promise<number[]> {
  const untilMs = Date.now() + forMs
  const statuses: number[] = []
  const lane = async () => {
    while (Date.now() < untilMs) {
      const response = await customer.chatStream('paced-5', { text: '[tokens=10]' })
      await response.text()
      statuses.push(response.status)
    }
  }
  await Promise.all([lane(), lane(), lane()])
  return statuses
}

/** Reads a number of chunks and leaves the stream open, as a client does that will be cut off. */
async function readSome(customer: Customer, body: object, chunks: number): Promise<void> {
  const response = await customer.post(body)
  expect(response.status).toBe(200)
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  for (let text = ''; chunksOf(text).length < chunks; ) {
    const part = await reader?.read()
    if (!part || part.done) throw new Error('The stream ended too early')
    text += decoder.decode(part.value, { stream: true })
  }
  void readToItsEnd(reader)
}

async function readToItsEnd(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  try {
    while (!(await reader?.read())?.done);
  } catch {
    // The cut that the test is about.
  }
}

/** Local Workers find each other anew after a death; a client that tries again is served. */
async function expectService(customer: Customer): Promise<void> {
  const status = () =>
    customer.chat('fast').then(
      (response) => response.status,
      () => 0,
    )
  await expectEventually(status, 200, 20_000)
}

/** A key that no isolate has looked up, which is no more than a key of the demo customer. */
async function askAsStranger(): Promise<{ status: number; retryAfter: string | null }> {
  const { proxyUrl, demo } = inject('stack')
  const response = await fetch(`${proxyUrl}/v1/key`, { headers: { authorization: `Bearer ${demo.apiKey}` } })
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
