import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import { RequestStatus } from '#shared/contracts/request-status.ts'
import { newId } from '#shared/values/id.ts'
import { formatUsd } from '#shared/values/money.ts'
import { readBooks } from './books.ts'
import { modelOf, wished, wishedProviders } from './catalogue.ts'
import { chatBody, chunksOf, endsWithDone, streamBody } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'

const notFound = { error: { code: 'request_not_found' } }

describe.concurrent('what became of a request', () => {
  test('is told while it runs, when it has ended and when it is recorded, without a gap, and is what the books say', async () => {
    const customer = await newCustomer()
    const beganAtMs = Date.now()
    const answer = await customer.post(streamBody('paced-50', { text: '[tokens=40][cached=3][reasoning=7]' }))
    const requestId = idOf(answer)
    const watched = watch(customer, requestId)
    expect(endsWithDone(await answer.text())).toBe(true)
    const tookMs = Date.now() - beganAtMs
    const told = await watched
    expect([...new Set(told.map(({ state }) => state))]).toEqual(['running', 'settled', 'recorded'])
    expect(told.map(({ state }) => state)).toEqual(told.map(({ state }) => state).toSorted(inOrder))
    expect(told[0]).toMatchObject({ id: requestId, model: modelOf('paced-50'), status: null, usage: null, cost: null, attempts: [] })
    const settled = told.find(({ state }) => state === 'settled')
    const recorded = told.at(-1)
    expect(recorded).toEqual({ ...settled, state: 'recorded' })
    const record = recordOf(await expectSoundBooks(customer), requestId)
    const route = { id: `rte_demo_${modelOf('paced-50')}_scripted`, upstream: 'scripted' }
    expect(recorded).toMatchObject({
      endpoint: '/v1/chat/completions',
      status: 200,
      end: 'completed',
      usage: { inputTokens: record.inputTokens, cacheReadTokens: 3, outputTokens: 47, reasoningTokens: 7 },
      cost: { nanos: record.costNanos, usd: formatUsd(record.costNanos) },
      estimated: false,
      capped: false,
      route,
      attempts: [{ outcome: 'answered', upstream: route.upstream, routeId: route.id, status: 200 }],
    })
    expectTiming(recorded, beganAtMs, tookMs)
  })

  test('is there as soon as a whole answer is, and stays', async () => {
    const customer = await newCustomer()
    const answer = await customer.chat('fast', { text: '[tokens=9]' })
    const costUsd = answer.headers.get('x-relay-cost-usd')
    const told = await watch(customer, idOf(answer))
    for (const each of told.filter(({ state }) => state !== 'running')) expect(each.cost?.usd).toBe(costUsd)
  })

  test('names each attempt, and the failure of all of them', async () => {
    const customer = await newCustomer()
    const moved = await statusOf(
      customer,
      await customer.post({ ...chatBody('', { model: wished.broken }), relay: { models: [wished.dear] } }),
    )
    const [upstream] = wishedProviders
    const overloaded = { outcome: 'overloaded', upstream, routeId: `rte_${wished.broken}_${upstream}`, status: 503 }
    const answered = { outcome: 'answered', upstream, routeId: `rte_${wished.dear}_${upstream}`, status: 200 }
    expect(moved).toMatchObject({ model: wished.dear, status: 200, attempts: [overloaded, answered] })
    const failed = await statusOf(customer, await customer.chat('', { model: wished.broken }))
    expect(failed).toMatchObject({ status: 503, end: 'upstream_error', cost: { nanos: 0, usd: formatUsd(0) }, attempts: [overloaded] })
  })

  test('is told to nobody but the key that made it', async () => {
    const customer = await newCustomer()
    const stranger = await newCustomer()
    const { apiKey } = await createKey(customer)
    const answer = await customer.post(streamBody('paced-50', { text: '[tokens=20]' }))
    const requestId = idOf(answer)
    const ask = (who: Customer, key = who.apiKey) => who.send(`/v1/requests/${requestId}`, { headers: { authorization: `Bearer ${key}` } })
    const expectOwn = async () => {
      expect((await ask(customer)).status).toBe(200)
      for (const other of [await ask(customer, apiKey), await ask(stranger)]) {
        expect([other.status, await other.json()]).toMatchObject([404, notFound])
      }
    }
    await expectOwn()
    await answer.text()
    await watch(customer, requestId)
    await expectOwn()
  })

  test.each([
    ['of nobody', newId('req')],
    ['without digits', 'req_'],
    ['cut off', newId('req').slice(0, -1)],
    ['in capitals', newId('req').toUpperCase()],
    ['with NUL', '%00'],
    ['of a path', '..%2fkey'],
    ['of SQL', "'; drop table"],
    ['without an end', 'x'.repeat(2_000)],
  ])('of an id %s is nothing: 404', async (_, id) => {
    const customer = await newCustomer()
    const answer = await customer.send(`/v1/requests/${id}`)
    expect([answer.status, await answer.json()]).toMatchObject([404, notFound])
  })
}, 90_000)

describe.concurrent('an Idempotency-Key', () => {
  test('on a hundred requests at once runs one of them, and the others are told which', async () => {
    const customer = await newCustomer()
    const body = chatBody('slow-first-1500')
    const answers = await Promise.all(Array.from({ length: 100 }, () => postAs(customer, 'hundred', body)))
    const [ran, ...more] = answers.filter(({ status }) => status === 200)
    expect(more).toEqual([])
    const requestId = idOf(ran)
    const others = answers.filter((answer) => answer !== ran)
    for (const other of others) {
      const { error } = await refusalOf(other, 409)
      expect(['idempotency_running', 'idempotency_ended']).toContain(error.code)
      expect(error.message).toContain(requestId)
    }
    expect(others.some(({ headers }) => headers.get('x-relay-error') === 'idempotency_running')).toBe(true)
    expect((await expectSoundBooks(customer)).records.map((record) => record.requestId)).toEqual([requestId])
  })

  test('of a stream holds while it runs, and afterwards tells what it cost and not to try again', async () => {
    const customer = await newCustomer()
    const body = streamBody('paced-50', { text: '[tokens=20]' })
    const first = await postAs(customer, 'stream', body)
    const running = await postAs(customer, 'stream', body)
    expect(running.headers.get('x-should-retry')).toBeNull()
    expect(Number(running.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await refusalOf(running, 409)).error.code).toBe('idempotency_running')
    expect(chunksOf(await first.text()).length).toBeGreaterThan(20)
    const { cost } = await statusOf(customer, first)
    const ended = await postAs(customer, 'stream', body)
    expect(ended.headers.get('x-should-retry')).toBe('false')
    const { error } = await refusalOf(ended, 409)
    expect(error.code).toBe('idempotency_ended')
    for (const told of [idOf(first), `${cost?.usd} dollars`]) expect(error.message).toContain(told)
    expect((await expectSoundBooks(customer)).records).toHaveLength(1)
  })

  test('on another body or at another address is a 422; of another API key, or another one, it is another request', async () => {
    const customer = await newCustomer()
    const body = chatBody('fast')
    expect((await postAs(customer, 'own', body)).status).toBe(200)
    const other = await postAs(customer, 'own', chatBody('fast'))
    expect(other.headers.get('x-should-retry')).toBe('false')
    expect((await refusalOf(other, 422)).error.code).toBe('idempotency_key_reused')
    const elsewhere = await customer.send('/v1/responses', {
      method: 'POST',
      body: JSON.stringify({ model: modelOf('fast'), input: 'hi' }),
      headers: { 'idempotency-key': 'own' },
    })
    expect((await refusalOf(elsewhere, 422)).error.code).toBe('idempotency_key_reused')
    const { apiKey } = await createKey(customer)
    expect((await postAs(customer, 'own', body, apiKey)).status).toBe(200)
    expect((await postAs(customer, 'another', body)).status).toBe(200)
    expect((await expectSoundBooks(customer)).records).toHaveLength(3)
  })

  test('is free again after a request that failed, so that a retry can succeed', async () => {
    const customer = await newCustomer()
    const broken = chatBody('', { model: wished.broken })
    for (let time = 0; time < 2; time++) await refusalOf(await postAs(customer, 'broken', broken), 503)
    const flaky = chatBody('flaky')
    await refusalOf(await postAs(customer, 'flaky', flaky), 503)
    expect((await postAs(customer, 'flaky', flaky)).status).toBe(200)
    // An answer is with its client a moment before it is settled.
    expect((await expectSoundBooks(customer)).records.filter(({ costNanos }) => costNanos > 0)).toHaveLength(1)
    expect((await refusalOf(await postAs(customer, 'flaky', flaky), 409)).error.code).toBe('idempotency_ended')
  })

  test.each([
    ['nothing', ''],
    ['too much', 'x'.repeat(256)],
  ])('with %s in it is a 400', async (_, idempotencyKey) => {
    const customer = await newCustomer()
    await refusalOf(await postAs(customer, idempotencyKey, chatBody('fast')), 400)
    expect((await readBooks(customer.organizationId)).records).toEqual([])
  })
}, 90_000)

describe.concurrent('the official client, which tries again by itself', () => {
  test('does not pay twice when the connection is cut after the upstream has answered', async () => {
    const customer = await newCustomer()
    let calls = 0
    const fetchCut: typeof fetch = async (url, init) => {
      calls += 1
      const answer = await customer.fetch(url, init)
      if (calls > 1) return answer
      await answer.body?.cancel()
      throw new TypeError('fetch failed')
    }
    const client = customer.openai({ maxRetries: 3, fetch: fetchCut })
    const failure = await failureOf(client, chatBody('fast'), 'cut-after')
    expect(failure).toMatchObject({ status: 409, code: 'idempotency_ended' })
    expect(failure.message).toContain(customer.requestIds[0])
    // The answer that was cut and the refusal, after which it gave up though it might have tried twice more.
    expect(calls).toBe(2)
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ requestId: customer.requestIds[0] }])
  })

  test('does not pay twice when it is cut while the upstream still works', async () => {
    const customer = await newCustomer()
    let calls = 0
    const fetchCut: typeof fetch = (url, init) => {
      calls += 1
      return customer.fetch(url, calls === 1 ? { ...init, signal: AbortSignal.timeout(500) } : init)
    }
    const client = customer.openai({ maxRetries: 6, fetch: fetchCut })
    const failure = await failureOf(client, chatBody('slow-first-1500'), 'cut-before')
    expect(failure).toMatchObject({ status: 409, code: 'idempotency_ended' })
    expect(calls).toBeGreaterThan(2)
    const { records } = await expectSoundBooks(customer)
    expect(records).toHaveLength(1)
    expect(failure.message).toContain(records[0]?.requestId)
  })
}, 90_000)

/** Asks every few milliseconds until a request is recorded. Each answer must be a 200: there is no moment at which nobody knows the request. */
async function watch(customer: Customer, requestId: string): Promise<RequestStatus[]> {
  const told: RequestStatus[] = []
  const deadlineMs = Date.now() + 30_000
  while (told.at(-1)?.state !== 'recorded') {
    if (Date.now() > deadlineMs) throw new Error(`${requestId} was not recorded in time`)
    const answer = await customer.send(`/v1/requests/${requestId}`)
    const text = await answer.text()
    expect(answer.status, text).toBe(200)
    told.push(RequestStatus.parse(JSON.parse(text)))
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
  return told
}

/** What became of the request of an answer that was read or is read now, once it is recorded. */
async function statusOf(customer: Customer, answer: Response): Promise<RequestStatus> {
  if (!answer.bodyUsed) await answer.text()
  const last = (await watch(customer, idOf(answer))).at(-1)
  if (!last) throw new Error('nothing was told')
  return last
}

function inOrder(one: RequestStatus['state'], other: RequestStatus['state']): number {
  const states = ['running', 'settled', 'recorded']
  return states.indexOf(one) - states.indexOf(other)
}

/** Within what the client itself has measured; a word each 50 ms comes after the first. */
function expectTiming(status: RequestStatus | undefined, beganAtMs: number, tookMs: number): void {
  const { createdAt, latencyMs, timeToFirstTokenMs, attempts } = status ?? {}
  expect(Date.parse(createdAt ?? '')).toBeGreaterThanOrEqual(beganAtMs)
  expect(Date.parse(createdAt ?? '')).toBeLessThan(beganAtMs + tookMs)
  expect(latencyMs).toBeGreaterThan(40 * 50)
  expect(latencyMs).toBeLessThanOrEqual(tookMs + 1_000)
  expect(timeToFirstTokenMs).toBeLessThan((latencyMs ?? 0) - 1_000)
  expect(attempts?.[0]?.latencyMs).toBeLessThanOrEqual(latencyMs ?? 0)
}

function idOf(answer: Response | undefined): string {
  const requestId = answer?.headers.get('x-relay-request-id')
  if (!requestId) throw new Error('The answer has no id')
  return requestId
}

function createKey(customer: Customer): Promise<CreatedCustomerKey> {
  return admin().call('POST', `/customers/${customer.organizationId}/keys`, CreatedCustomerKey, {})
}

function postAs(customer: Customer, idempotencyKey: string, body: object, apiKey = customer.apiKey): Promise<Response> {
  return customer.post(body, { headers: { 'idempotency-key': idempotencyKey, authorization: `Bearer ${apiKey}` } })
}

async function refusalOf(answer: Response, status: number): Promise<{ error: { code: string; message: string } }> {
  const text = await answer.text()
  expect(answer.status, text).toBe(status)
  return JSON.parse(text)
}

/** The client's option `idempotencyKey` sends no header by itself; the same header goes with each of its tries. */
async function failureOf(client: OpenAI, body: OpenAI.ChatCompletionCreateParamsNonStreaming, idempotencyKey: string) {
  const headers = { 'Idempotency-Key': idempotencyKey }
  const failure: unknown = await client.chat.completions.create(body, { headers }).catch((error: unknown) => error)
  if (failure instanceof OpenAI.APIError) return failure
  throw new Error(`The request was not refused: ${String(failure)}`)
}
