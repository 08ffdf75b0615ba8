import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { CreditAnswer } from '#shared/contracts/credit.ts'
import { ChangeAnswer } from '#shared/contracts/customer.ts'
import { CreatedCustomerKey, KeyChangeAnswer, type NewCustomerKey } from '#shared/contracts/customer-key.ts'
import { KeyStatus } from '#shared/contracts/key-status.ts'
import { formatUsd } from '#shared/values/money.ts'
import { chatBody, chunksOf, streamBody } from './conversation.ts'
import { admin, type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'

describe.concurrent('admission', () => {
  for (const affordable of [1, 7]) {
    test(`of a hundred requests at once, credit for ${affordable} admits ${affordable}`, async () => {
      const body = chatBody('slow-first-1500', { maxTokens: 100 })
      const holdNanos = holdOf(body)
      const customer = await newCustomer({ creditNanos: holdNanos * affordable + Math.floor(holdNanos / 2) })
      const answers = await Promise.all(Array.from({ length: 100 }, () => customer.post(body)))
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(affordable)
      const refusals = answers.filter((answer) => answer.status !== 200)
      expect(new Set(refusals.map((answer) => answer.status))).toEqual(new Set([402]))
      for (const refusal of refusals) expect(await refusal.json()).toMatchObject({ error: { code: 'in_flight_budget' } })
      const { records, account } = await expectSoundBooks(customer)
      expect(records).toHaveLength(affordable)
      expect(account.balanceNanos).toBeGreaterThanOrEqual(0)
    })
  }

  test('a customer without credit gets a 402 that says not to try again, and serves on once credit is posted', async () => {
    const customer = await newCustomer({ creditNanos: 1_000 })
    const failure = await failureOf(customer)
    expect(failure).toMatchObject({ status: 402, code: 'insufficient_balance', type: 'insufficient_quota' })
    expect(failure.headers?.get('x-should-retry')).toBe('false')
    expect(failure.requestID).toBe(customer.requestIds[0])
    await giveCredit(customer, 1_000_000_000)
    expect((await customer.chat('fast')).status).toBe(200)
    const { records, account } = await expectSoundBooks(customer)
    expect(records).toHaveLength(1)
    expect(account.balanceNanos).toBe(1_000_001_000 - (records[0]?.costNanos ?? 0))
  })

  test('a customer whose credit covers the tokens, and not the bytes, is served and charged what it used', async () => {
    const body = chatBody('fast', { maxTokens: 10, text: `[tokens=10] ${'Count the tokens and not the letters. '.repeat(100)}` })
    const customer = await newCustomer({ creditNanos: Math.floor(holdOf(body) / 2) })
    expect((await customer.post(body)).status).toBe(200)
    const { records, account } = await expectSoundBooks(customer)
    expect(records).toMatchObject([{ outputTokens: 10, capped: false }])
    expect(account.balanceNanos).toBeGreaterThanOrEqual(0)
    // What is left covers not even the tokens, and the answer says what it would.
    const refusal = await (await customer.post(chatBody('fast', { maxTokens: 4_000 }))).json()
    expect(refusal).toMatchObject({
      error: { code: 'insufficient_balance', message: expect.stringMatching(/up to 0\.\d+ dollars, and 0\.\d+ dollars/) },
    })
  })

  test('a spend cap admits to its end, tells what is left, and is not asked again', async () => {
    const body = chatBody('fast', { maxTokens: 50, text: '[tokens=50]' })
    const capNanos = holdOf(body)
    const customer = await newCustomer({ limits: { spendPerDayNanos: capNanos } })
    const first = await customer.post(body)
    expect(first.headers.get('x-ratelimit-limit-spend-day-usd')).toBe(formatUsd(capNanos))
    expect(first.headers.get('x-ratelimit-remaining-spend-day-usd')).toBe('0.00')
    await expectSoundBooks(customer)
    const refusal = await customer.post(body)
    expect([refusal.status, refusal.headers.get('x-should-retry')]).toEqual([402, 'false'])
    expect(Number(refusal.headers.get('retry-after'))).toBeLessThanOrEqual(86_400)
    expect(await refusal.json()).toMatchObject({ error: { code: 'spend_per_day' } })
    const { records } = await expectSoundBooks(customer)
    const status = KeyStatus.parse(await (await customer.send('/v1/key')).json())
    expect(status.limits.spendPerDay?.remaining).toBe(capNanos - (records[0]?.costNanos ?? 0))
  })

  test('an overdraft is spent down to its floor and never below', async () => {
    const body = chatBody('fast', { maxTokens: 50, text: '[tokens=50]' })
    const customer = await newCustomer({ creditNanos: 0, overdraftNanos: holdOf(body) })
    expect((await customer.post(body)).status).toBe(200)
    await expectSoundBooks(customer)
    expect((await customer.post(body)).status).toBe(402)
    expect((await expectSoundBooks(customer)).account.balanceNanos).toBeLessThan(0)
  })

  test('a revoked key is refused on the very next request', async () => {
    const customer = await newCustomer()
    // The operator sees what is held only while a key lives, and the invariants look as the operator does.
    await createKey(customer, {})
    expect((await customer.chat('fast')).status).toBe(200)
    await admin().call('DELETE', `/customers/${customer.organizationId}/keys/${customer.keyId}`, KeyChangeAnswer)
    const failure = await failureOf(customer)
    expect(failure).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(failure.code).toBe('invalid_api_key')
    expect((await expectSoundBooks(customer)).records).toHaveLength(1)
  })

  test('a new key works at once, for its models only, until it expires', async () => {
    const customer = await newCustomer()
    expect((await customer.chat('fast')).status).toBe(200)
    const expiresAt = new Date(Date.now() + 3_000).toISOString()
    const key = await createKey(customer, { allowedModels: ['gpt-scripted-fast'], expiresAt })
    const client = customer.openai({ apiKey: key.apiKey })
    await client.chat.completions.create(chatBody('fast'))
    await expect(client.chat.completions.create(chatBody('burst'))).rejects.toThrow(OpenAI.PermissionDeniedError)
    await new Promise((resolve) => setTimeout(resolve, 3_100))
    await expect(client.chat.completions.create(chatBody('fast'))).rejects.toMatchObject({ status: 401, code: 'api_key_expired' })
    const { records } = await expectSoundBooks(customer)
    expect(records.map((record) => record.keyId).toSorted()).toEqual([customer.keyId, key.keyId].toSorted())
  })

  test('a suspended customer is refused on the very next request, and served again after', async () => {
    const customer = await newCustomer()
    expect((await customer.chat('fast')).status).toBe(200)
    await setStatus(customer, 'suspended')
    expect(await failureOf(customer)).toMatchObject({ status: 403, code: 'account_suspended' })
    await setStatus(customer, 'active')
    expect((await customer.chat('fast')).status).toBe(200)
    await expectSoundBooks(customer)
  })
}, 90_000)

describe.concurrent('limits', () => {
  test('of requests a minute refuse with 429 and say when to come back', async () => {
    const customer = await newCustomer({ limits: { requestsPerMinute: 2 } })
    const first = await customer.chat('fast')
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect((await customer.chat('error-500')).status).toBe(502)
    const failure = await failureOf(customer)
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError)
    expect(failure.code).toBe('requests_per_minute')
    expect(Number(failure.headers?.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(failure.headers?.get('retry-after'))).toBeLessThanOrEqual(61)
    expect((await expectSoundBooks(customer)).records).toHaveLength(2)
  })

  test('of a day and of tokens a minute refuse before the upstream is asked', async () => {
    const daily = await newCustomer({ limits: { requestsPerDay: 1 } })
    expect((await daily.chat('fast')).status).toBe(200)
    expect(await failureOf(daily)).toMatchObject({ status: 429, code: 'requests_per_day' })
    const tokens = await newCustomer({ limits: { tokensPerMinute: 700 } })
    expect((await tokens.chat('slow-first-1500', { maxTokens: 400 })).status).toBe(200)
    expect(await failureOf(tokens, 4_000)).toMatchObject({ status: 429, code: 'tokens_per_minute' })
    expect((await expectSoundBooks(tokens)).records).toHaveLength(1)
    expect((await expectSoundBooks(daily)).records).toHaveLength(1)
  })

  test('take effect on the next request when they change, tighter or wider', async () => {
    const customer = await newCustomer()
    expect((await customer.chat('fast')).status).toBe(200)
    await customer.setLimits({ requestsPerMinute: 0 })
    expect((await failureOf(customer)).code).toBe('requests_per_minute')
    await customer.setLimits({})
    expect((await customer.chat('fast')).status).toBe(200)
    await customer.setLimits({ concurrency: 0 })
    expect((await failureOf(customer)).code).toBe('concurrency')
    expect((await expectSoundBooks(customer)).records).toHaveLength(2)
  })

  test('of concurrency count running requests only', async () => {
    const customer = await newCustomer({ limits: { concurrency: 2 } })
    const running = await Promise.all([0, 1].map(() => customer.post(streamBody('paced-50', { text: '[tokens=20]' }))))
    const failure = await failureOf(customer)
    expect(failure).toMatchObject({ status: 429, code: 'concurrency' })
    for (const response of running) expect(chunksOf(await response.text()).length).toBeGreaterThan(20)
    await expectEventually(async () => (await customer.chat('fast')).status, 200, 5_000)
    await expectSoundBooks(customer)
  })

  test('of a key hold for that key alone', async () => {
    const customer = await newCustomer()
    const narrow = await createKey(customer, { limits: { requestsPerMinute: 1 } })
    const client = customer.openai({ apiKey: narrow.apiKey })
    await client.chat.completions.create(chatBody('fast'))
    await expect(client.chat.completions.create(chatBody('fast'))).rejects.toThrow(OpenAI.RateLimitError)
    expect((await customer.chat('fast')).status).toBe(200)
    await expectSoundBooks(customer)
  })
}, 90_000)

/** What a request holds: a token for each byte of its body, and all the output it allows, at the prices of db/seed.ts. */
function holdOf(body: { max_tokens?: number | null }): number {
  return Math.ceil((Buffer.byteLength(JSON.stringify(body)) * 150_000 + (body.max_tokens ?? 0) * 600_000) / 1_000)
}

async function failureOf(customer: Customer, maxTokens = 256): Promise<InstanceType<typeof OpenAI.APIError>> {
  const failure: unknown = await customer
    .openai()
    .chat.completions.create(chatBody('fast', { maxTokens }))
    .catch((error: unknown) => error)
  if (failure instanceof OpenAI.APIError) return failure
  throw new Error('The request was not refused')
}

function createKey(customer: Customer, wanted: NewCustomerKey): Promise<CreatedCustomerKey> {
  return admin().call('POST', `/customers/${customer.organizationId}/keys`, CreatedCustomerKey, wanted)
}

async function giveCredit({ organizationId }: Customer, amountNanos: number): Promise<void> {
  const credit = { amountNanos, reason: 'journey', idempotencyKey: `journey-${organizationId}` }
  // Twice, as an operator's retry does; it lands once.
  for (const replayed of [false, true]) {
    expect(await admin().call('POST', `/customers/${organizationId}/credits`, CreditAnswer, credit)).toMatchObject({ replayed })
  }
}

async function setStatus(customer: Customer, status: 'active' | 'suspended'): Promise<void> {
  await admin().call('PUT', `/customers/${customer.organizationId}/status`, ChangeAnswer, { status })
}
