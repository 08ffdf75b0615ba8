import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { describe, expect, inject, test } from 'vitest'
import { expectAnswer, expectCharge, told } from './answers.ts'
import { bodies, type Expectation, streams } from './behaviour-table.ts'
import { modelOf } from './catalogue.ts'
import { dataOf, promptOf } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'
import { askUpstream } from './truth.ts'

const path = '/v1/responses'

interface ResponseOptions {
  /** Words and tags for the scripted upstream. */
  text?: string
  /** Fields on top, whatever they are. */
  extra?: object
}

function responseBody(behaviour: string, { text, extra }: ResponseOptions = {}) {
  return { model: modelOf(behaviour), input: promptOf(text), max_output_tokens: 256, ...extra }
}

function post(customer: Customer, body: object): Promise<Response> {
  return customer.send(path, { method: 'POST', body: JSON.stringify(body) })
}

/** Nobody reports usage within an item, so it is no usage here. What is only long is played for chat, and is no matter of the dialect. */
const isPlayed = ({ behaviour }: Expectation) => !['usage-in-choices', 'huge-event', 'gzip-bomb'].includes(behaviour)

describe.concurrent('a streamed response', () => {
  for (const each of streams.filter(isPlayed)) {
    test(`${each.behaviour}: ${told(each)}`, async () => {
      const customer = await newCustomer()
      const body = { ...responseBody(each.behaviour), stream: true }
      const response = await post(customer, body)
      const bytes = Buffer.from(await response.arrayBuffer())
      expectAnswer(response, bytes, each)
      if (each.ending === 'untouched') await expectSameBytes(bytes, body)
      if (each.ending === 'error') {
        const last: unknown = JSON.parse(dataOf(bytes.toString()).at(-1) ?? 'null')
        const response = { status: 'failed', error: { message: expect.any(String) } }
        expect(last).toMatchObject({ type: 'response.failed', sequence_number: expect.any(Number), response })
      }
      await expectCharge(customer, response, each.charge)
    })
  }
}, 90_000)

describe.concurrent('a response', () => {
  for (const each of bodies.filter(isPlayed)) {
    test(`${each.behaviour}: ${told(each)}`, async () => {
      const customer = await newCustomer()
      const body = responseBody(each.behaviour)
      const response = await post(customer, body)
      const bytes = Buffer.from(await response.arrayBuffer())
      expectAnswer(response, bytes, each)
      if (each.status === 200) await expectSameBytes(bytes, body)
      await expectCharge(customer, response, each.charge)
    })
  }
}, 90_000)

const look = { type: 'function' as const, name: 'look_up', parameters: { type: 'object', properties: {} }, strict: false }
const tags = '[tokens=40][cached=3][reasoning=7]'
const counted = { outputTokens: 47, cacheReadTokens: 3, reasoningTokens: 7, estimated: false, capped: false }

describe.concurrent('with the official client', () => {
  test('a response is charged to the nano by what the upstream reported', async () => {
    const customer = await newCustomer()
    const { data, request_id } = await customer
      .openai()
      .responses.create(responseBody('fast', { text: tags }))
      .withResponse()
    expect(data).toMatchObject({ status: 'completed', usage: { output_tokens: 47 } })
    expect(data.output_text.split(' ')).toHaveLength(40)
    const { logs, ...books } = await expectSoundBooks(customer)
    expect(recordOf({ logs, ...books }, request_id)).toMatchObject(counted)
    expect(logs[0]).toMatchObject({ status: 200, outcome: 'completed', provider: 'scripted', path })
  })

  test('a stream is read to its final response, and shows its cost when asked to', async () => {
    const customer = await newCustomer()
    const stream = customer.openai().responses.stream(responseBody('paced-5', { text: tags, extra: { relay: { usage: true } } }))
    const final = await stream.finalResponse()
    expect(final).toMatchObject({ status: 'completed', usage: { output_tokens: 47, cost_usd: expect.stringMatching(/^0\.\d+$/) } })
    expect((await expectSoundBooks(customer)).records).toMatchObject([counted])
  })

  test('tools are called and answered, with the reasoning before them, without anything stored', async () => {
    const customer = await newCustomer()
    const extra = { store: false, include: ['reasoning.encrypted_content'], tools: [look] }
    const asked = responseBody('fast', { text: '[tool][reasoning=5]', extra })
    const client = customer.openai()
    const first = await client.responses.create({ ...asked, include: ['reasoning.encrypted_content'] })
    expect(first.output.map(({ type }) => type)).toEqual(['reasoning', 'function_call'])
    const made = first.output.filter((item) => item.type === 'reasoning' || item.type === 'function_call')
    const outputs = made.flatMap((item) =>
      item.type === 'function_call' ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: 'done' }] : [],
    )
    const input = [{ role: 'user' as const, content: asked.input }, ...made, ...outputs]
    const second = await client.responses.create({ ...asked, input, include: ['reasoning.encrypted_content'] })
    expect(second.status).toBe('completed')
    expect((await expectSoundBooks(customer)).records).toHaveLength(2)
  })

  test.each([true, false])('a response is continued by its id; streamed: %s', async (isStream) => {
    const customer = await newCustomer()
    const client = customer.openai()
    const body = responseBody('fast', { text: '[tokens=30]' })
    const first = isStream ? await client.responses.stream(body).finalResponse() : await client.responses.create(body)
    const second = await client.responses.create({ ...responseBody('fast'), previous_response_id: first.id })
    expect(second.usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0)
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ capped: false }, { capped: false }])
  })

  test("another customer's response and one that nobody made are refused alike, before an upstream is asked", async () => {
    const owner = await newCustomer()
    const { id } = await owner.openai().responses.create(responseBody('fast'))
    const customer = await newCustomer()
    for (const previous_response_id of [id, 'resp_unknown']) {
      const failure = await failureOf(customer, { ...responseBody('fast'), previous_response_id })
      expect(failure).toMatchObject({ status: 400, code: 'previous_response_not_found', param: 'previous_response_id' })
    }
    expect((await expectSoundBooks(customer)).records).toEqual([])
  })

  test.each([
    ['input.0', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['conversation', { conversation: 'conv_1' }],
    ['background', { background: true }],
    ['tools.0', { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }],
    ['max_output_tokens', { max_output_tokens: 1_000_000 }],
  ])('what is not served is refused by name: %s', async (param, extra) => {
    const failure = await failureOf(await newCustomer(), responseBody('fast', { extra }))
    expect(failure).toMatchObject({ status: 400, code: 'invalid_request', param })
  })

  test('web search is refused by a model that has no price for it', async () => {
    const failure = await failureOf(await newCustomer(), responseBody('fast', { extra: { tools: [{ type: 'web_search' }] } }))
    expect(failure).toMatchObject({ status: 400, code: 'not_sold' })
  })

  test('without credit there is no answer', async () => {
    const failure = await failureOf(await newCustomer({ creditNanos: 1_000 }), responseBody('fast'))
    expect(failure).toMatchObject({ status: 402, code: 'insufficient_balance' })
    expect(failure.message).toContain('max_output_tokens')
  })

  test('a stream that breaks off ends as a failed response', async () => {
    const customer = await newCustomer()
    const final = await customer.openai().responses.stream(responseBody('error-mid')).finalResponse()
    expect(final).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ estimated: true }])
  })
}, 90_000)

describe.concurrent('with the AI SDK', () => {
  const modelFor = (customer: Customer, behaviour: string) => {
    const fetch = (...given: Parameters<typeof globalThis.fetch>) => customer.fetch(...given)
    return createOpenAI({ apiKey: customer.apiKey, baseURL: `${inject('stack').proxyUrl}/v1`, fetch })(modelOf(behaviour))
  }

  test('text is generated and streamed', async () => {
    const customer = await newCustomer()
    const model = modelFor(customer, 'fast')
    const { text, usage } = await generateText({ model, prompt: promptOf('[tokens=20]'), maxRetries: 0 })
    expect([text.split(' ').length, usage.outputTokens]).toEqual([20, 20])
    const streamed = streamText({ model, prompt: promptOf('[tokens=20]'), maxRetries: 0 })
    expect((await streamed.text).split(' ')).toHaveLength(20)
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ outputTokens: 20 }, { outputTokens: 20 }])
  })

  test('a stream that fails is told as an error', async () => {
    const customer = await newCustomer()
    const errors: unknown[] = []
    const onError = ({ error }: { error: unknown }) => void errors.push(error)
    const streamed = streamText({ model: modelFor(customer, 'break'), prompt: promptOf(), maxRetries: 0, onError })
    await streamed.consumeStream()
    expect(errors).toHaveLength(1)
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ estimated: true }])
  })
}, 90_000)

/** Compares with what the upstream sends when it is asked directly: all of it but for ids and times. */
async function expectSameBytes(bytes: Buffer, body: { model: string }): Promise<void> {
  const answer = Buffer.from(await (await askUpstream({ ...body, model: body.model.replace('gpt-', '') }, `/openai${path}`)).arrayBuffer())
  expect(withoutIds(bytes) === withoutIds(answer), `${bytes.length} bytes received of ${answer.length}`).toBe(true)
}

/** An id may be cut short, as where an event is broken. */
function withoutIds(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/\b(resp|msg|rs|fc)_[0-9a-f]+/g, '$1')
    .replace(/"(created_at|completed_at)":\d+/g, '"$1":0')
}

/** The error with which the official client ends a call. */
async function failureOf(customer: Customer, body: object): Promise<InstanceType<typeof OpenAI.APIError>> {
  const given = body as OpenAI.Responses.ResponseCreateParamsNonStreaming // Also what the types do not allow, to be refused.
  const failure: unknown = await customer
    .openai()
    .responses.create(given)
    .catch((error: unknown) => error)
  if (failure instanceof OpenAI.APIError) return failure
  throw new Error(`The call did not fail as the API's errors do: ${String(failure)}`)
}
