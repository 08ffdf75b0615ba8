import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic from '@anthropic-ai/sdk'
import { generateText, jsonSchema, streamText, tool } from 'ai'
import { describe, expect, inject, test } from 'vitest'
import { expectCharge, expectNothingToldOfProvider, told } from './answers.ts'
import { bodies, type Expectation, streams } from './behaviour-table.ts'
import { claudeModelOf } from './catalogue.ts'
import { canary, dataOf, messageBody } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'
import { askUpstream, truthSince } from './truth.ts'

const lookUp: Anthropic.Tool = {
  name: 'look_up',
  input_schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
}
const thinking = { type: 'enabled', budget_tokens: 1_024 } as const
const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 2 } as const

describe.concurrent('with the official client', () => {
  test('a message is charged to the nano by what the upstream reported, each bucket at its price', async () => {
    const customer = await newCustomer()
    const text = `${'word '.repeat(40)}[tokens=40][cached=20][written5m=10][written1h=5]`
    const { data, request_id } = await customer.anthropic().messages.create(messageBody('fast', { text })).withResponse()
    expect(data).toMatchObject({ type: 'message', stop_reason: 'end_turn', usage: { output_tokens: 40, cache_read_input_tokens: 20 } })
    const books = await expectSoundBooks(customer)
    const record = recordOf(books, request_id ?? null)
    expect(record).toMatchObject({ outputTokens: 40, cacheReadTokens: 20, cacheWrite5mTokens: 10, cacheWrite1hTokens: 5, estimated: false })
    expect(books.account.balanceNanos).toBe(5_000_000_000 - record.costNanos)
    expect(books.logs[0]).toMatchObject({ status: 200, outcome: 'completed', provider: 'scripted-anthropic', path: '/v1/messages' })
  })

  test('a stream, with thinking, tools and searches in it, is put together and charged', async () => {
    const customer = await newCustomer()
    const { messages } = customer.anthropic()
    const asked = messageBody('paced-5', {
      text: '[tokens=9][reasoning=7][searches=5]',
      maxTokens: 2_000,
      extra: { thinking, tools: [search] },
    })
    const answer = await messages.stream(asked).finalMessage()
    expect(answer.content.map(({ type }) => type)).toEqual([
      'thinking',
      ...Array.from({ length: 2 }, () => ['server_tool_use', 'web_search_tool_result']).flat(),
      'text',
    ])
    const called = await messages.stream(messageBody('fast', { text: '[tool]', extra: { tools: [lookUp] } })).finalMessage()
    expect(called).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'look_up' }] })
    const { records } = await expectSoundBooks(customer)
    const [searched] = records.filter(({ units }) => units !== null)
    expect(searched).toMatchObject({ outputTokens: 16, reasoningTokens: 7, units: { webSearches: 2 }, estimated: false })
    expect(searched?.costNanos).toBeGreaterThan(2 * 10_000_000)
  })

  test('a conversation goes on with its thinking, whose signature only its account takes', async () => {
    const customer = await newCustomer()
    const client = customer.anthropic()
    const asked = messageBody('fast', { text: '[reasoning=7]', maxTokens: 2_000, extra: { thinking } })
    const { content } = await client.messages.create(asked)
    const messages = [...asked.messages, { role: 'assistant' as const, content }, { role: 'user' as const, content: `${canary} go on` }]
    expect((await client.messages.create({ ...asked, messages })).type).toBe('message')
    expect((await expectSoundBooks(customer)).records).toHaveLength(2)
  })

  test('tokens are counted for nothing', async () => {
    const customer = await newCustomer()
    const { model, messages } = messageBody('fast', { text: 'one two three' })
    expect((await customer.anthropic().messages.countTokens({ model, messages })).input_tokens).toBeGreaterThan(3)
    const { account, records } = await expectSoundBooks(customer)
    expect(records).toMatchObject([{ costNanos: 0 }])
    expect(account.balanceNanos).toBe(5_000_000_000)
  })

  test('its betas go on when they change no price, and with them their fields', async () => {
    const customer = await newCustomer()
    const betas = ['context-management-2025-06-27', 'invented-2026-01-01']
    const asked = { ...messageBody('fast'), betas, context_management: { edits: [] } }
    expect((await customer.anthropic().beta.messages.create(asked)).type).toBe('message')
    const [truth] = await truthSince(customer.createdAtMs).then((all) =>
      all.filter((each) => customer.requestIds.includes(`${each.relayRequestId}`)),
    )
    expect(truth).toMatchObject({
      leaks: [],
      headers: { 'anthropic-version': '2026-10-21', 'anthropic-beta': 'context-management-2025-06-27' },
    })
    const platforms = ['accept-encoding', 'cf-worker', 'connection', 'content-length', 'host', 'transfer-encoding']
    const sent = Object.keys(truth?.headers ?? {}).filter((name) => !platforms.includes(name) && name !== 'authorization')
    const ours = ['accept', 'anthropic-beta', 'anthropic-version', 'content-type', 'user-agent', 'x-api-key', 'x-request-id']
    expect(ours).toEqual(expect.arrayContaining(sent))
    const dear = customer.anthropic().beta.messages.create({ ...asked, betas: ['fast-mode-2026-02-01'] })
    await expect(dear).rejects.toBeInstanceOf(Anthropic.BadRequestError)
  })

  test('models are listed in its own form', async () => {
    const client = (await newCustomer()).anthropic()
    const ids: string[] = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toContain('claude-relay-fast')
    expect(await client.models.retrieve('claude-relay-fast')).toMatchObject({ type: 'model', id: 'claude-relay-fast' })
  })

  test.each([
    ['error-400', {}, Anthropic.BadRequestError, 'invalid_request_error'],
    ['rate-limited-1', {}, Anthropic.RateLimitError, 'rate_limit_error'],
    ['error-500', {}, Anthropic.InternalServerError, 'api_error'],
    ['error-401', {}, Anthropic.InternalServerError, 'api_error'],
    ['error-503', {}, Anthropic.InternalServerError, 'overloaded_error'],
    ['fast', { model: 'claude-unheard-of' }, Anthropic.NotFoundError, 'not_found_error'],
    ['fast', { extra: { temperature: 1 } }, Anthropic.BadRequestError, 'invalid_request_error'],
    ['fast', { extra: { container: 'container_1' } }, Anthropic.BadRequestError, 'invalid_request_error'],
    ['fast', { model: 'gpt-relay-fast' }, Anthropic.BadRequestError, 'invalid_request_error'],
  ] as const)('%s with %j is an error of its own class', async (behaviour, options, type, name) => {
    const customer = await newCustomer()
    const failure: unknown = await customer
      .anthropic()
      .messages.create(messageBody(behaviour, options))
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(type)
    expect(failure).toMatchObject({ requestID: customer.requestIds[0], error: { type: 'error', error: { type: name } } })
  })

  test('a customer without credit gets a 402 that says not to try again, and a wrong key a 401', async () => {
    const customer = await newCustomer({ creditNanos: 1_000 })
    const failure: unknown = await customer
      .anthropic()
      .messages.create(messageBody('fast'))
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ status: 402, error: { error: { type: 'billing_error' } } })
    expect(failure instanceof Anthropic.APIError && failure.headers?.get('x-should-retry')).toBe('false')
    const stranger = customer.anthropic({ apiKey: `${customer.apiKey}x` })
    await expect(stranger.messages.create(messageBody('fast'))).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
  })

  test('the key may stand in the older header, and a chat completion ask the same model', async () => {
    const customer = await newCustomer()
    const older = customer.anthropic({
      defaultHeaders: { authorization: null, 'x-api-key': customer.apiKey, 'anthropic-version': '2023-06-01' },
    })
    const asked = messageBody('fast', { model: 'claude-relay-fast', extra: { temperature: 1 } })
    expect((await older.messages.create(asked)).model).toBe('scripted-fast')
    expect((await customer.chat('fast', { model: 'claude-relay-fast' })).status).toBe(200)
    expect((await expectSoundBooks(customer)).records).toHaveLength(2)
  })

  test('the cost stands beside the usage of those that ask for it', async () => {
    const customer = await newCustomer()
    const asked = messageBody('fast', { text: '[tokens=9]', extra: { relay: { usage: true } } })
    const whole: unknown = await customer.anthropic().messages.create(asked)
    expect(whole).toMatchObject({ usage: { cost_usd: expect.stringMatching(/^0\.000\d+$/) } })
    const streamed = await sendMessage(customer, { ...asked, stream: true })
    const told = dataOf(await streamed.text()).filter((data) => data.includes('cost_usd'))
    expect(told.map((data): unknown => JSON.parse(data))).toMatchObject([
      { type: 'message_delta', usage: { cost_usd: expect.any(String) } },
    ])
  })
}, 90_000)

describe.concurrent('with the AI SDK', () => {
  const modelFor = (customer: Customer, behaviour: string) =>
    createAnthropic({
      apiKey: customer.apiKey,
      baseURL: `${inject('stack').proxyUrl}/v1`,
      fetch: (url, init) => customer.fetch(url, init),
    })(claudeModelOf(behaviour))

  test('text, a stream and a call of a tool come through and are charged', async () => {
    const customer = await newCustomer()
    const prompt = `${canary} [tokens=12]`
    const whole = await generateText({ model: modelFor(customer, 'fast'), prompt, maxOutputTokens: 100 })
    expect(whole.usage.outputTokens).toBe(12)
    const streamed = streamText({ model: modelFor(customer, 'paced-5'), prompt, maxOutputTokens: 100 })
    expect((await streamed.text).split(' ')).toHaveLength(12)
    const inputSchema = jsonSchema<{ place: string }>({ type: 'object', properties: { place: { type: 'string' } }, required: ['place'] })
    const tools = { look_up: tool({ description: 'looks up', inputSchema, execute: ({ place }) => place }) }
    const called = await generateText({ model: modelFor(customer, 'fast'), prompt: `${canary} [tool]`, tools, maxOutputTokens: 100 })
    expect(called.toolCalls).toMatchObject([{ toolName: 'look_up' }])
    expect((await expectSoundBooks(customer)).records).toHaveLength(3)
  })
}, 90_000)

describe.concurrent('a stream of messages', () => {
  for (const each of streams) {
    test(`${each.behaviour}: ${told(each)}`, async () => {
      const customer = await newCustomer()
      const body = { ...messageBody(each.behaviour), stream: true }
      const response = await sendMessage(customer, body)
      const bytes = Buffer.from(await response.arrayBuffer())
      expectAnswer(response, bytes, each)
      if (each.status === 200) {
        expectEnding(bytes.toString(), each)
        if (each.ending === 'untouched') await expectSameBytes(bytes, body)
      }
      await expectCharge(customer, response, each.charge)
    })
  }
}, 90_000)

describe.concurrent('a whole message', () => {
  for (const each of bodies) {
    test(`${each.behaviour}: ${told(each)}`, async () => {
      const customer = await newCustomer()
      const body = messageBody(each.behaviour)
      const response = await sendMessage(customer, body)
      const bytes = Buffer.from(await response.arrayBuffer())
      expectAnswer(response, bytes, each)
      if (each.status === 200) await expectSameBytes(bytes, body)
      await expectCharge(customer, response, each.charge)
    })
  }
}, 90_000)

function sendMessage(customer: Customer, body: object): Promise<Response> {
  return customer.send('/v1/messages', { method: 'POST', body: JSON.stringify(body) })
}

function expectAnswer(response: Response, bytes: Buffer, { status, code }: Expectation): void {
  expect(response.status, bytes.toString().slice(0, 500)).toBe(status)
  const requestId = response.headers.get('request-id')
  expect(requestId).toMatch(/^req_[0-9a-z]{26}$/)
  expectNothingToldOfProvider(response, bytes)
  if (status === 200) return
  const error = { type: expect.stringMatching(/_error$/), message: expect.any(String) }
  expect(JSON.parse(bytes.toString())).toEqual({ type: 'error', error, request_id: requestId })
  expect(response.headers.get('x-relay-error')).toBe(code)
  expect(response.headers.get('x-should-retry')).toBe(status === 400 ? 'false' : null)
}

/** An upstream that broke off must not look as if it had finished. */
function expectEnding(text: string, { ending }: Expectation): void {
  const data = dataOf(text)
  expect(data.includes('{"type":"message_stop"}')).toBe(ending === 'untouched')
  if (ending === 'error') expect(JSON.parse(data.at(-1) ?? 'null')).toMatchObject({ type: 'error', error: { message: expect.any(String) } })
}

/** Compares with what the upstream sends when it is asked directly: all but the id of the message. */
async function expectSameBytes(bytes: Buffer, body: { model: string }): Promise<void> {
  const answer = await askUpstream({ ...body, model: body.model.replace('claude-', '') }, '/anthropic/v1/messages')
  const direct = Buffer.from(await answer.arrayBuffer())
  expect(withoutId(bytes) === withoutId(direct), `${bytes.length} bytes received of ${direct.length}`).toBe(true)
}

function withoutId(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/msg_01Scripted[0-9a-z]+/g, 'msg')
}
