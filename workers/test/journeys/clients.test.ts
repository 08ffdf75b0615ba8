import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { chatBody, chunksOf, endsWithDone, streamBody } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks, recordOf } from './invariants.ts'

describe.concurrent('with the official client', () => {
  test('an answer is charged to the nano by what the upstream reported', async () => {
    const customer = await newCustomer()
    const { data, request_id } = await customer
      .openai()
      .chat.completions.create(chatBody('fast', { text: '[tokens=40][cached=3][reasoning=7]' }))
      .withResponse()
    expect(data.choices[0]?.message.content).toMatch(/\w+ \w+/)
    expect(data.usage).toMatchObject({ completion_tokens: 47 })
    const books = await expectSoundBooks(customer)
    const record = recordOf(books, request_id)
    expect(record).toMatchObject({ outputTokens: 47, cacheReadTokens: 3, reasoningTokens: 7, estimated: false, capped: false })
    expect(books.account.balanceNanos).toBe(5_000_000_000 - record.costNanos)
    expect(books.logs[0]).toMatchObject({ status: 200, outcome: 'completed', provider: 'scripted', path: '/v1/chat/completions' })
  })

  test('a stream without include_usage shows no usage chunk and is charged by it', async () => {
    const customer = await newCustomer()
    const stream = await customer.openai().chat.completions.create(streamBody('fast', { text: '[tokens=20]' }))
    const chunks = await chunksFrom(stream)
    expect(chunks.every((chunk) => chunk.choices.length === 1)).toBe(true)
    expect(textOf(chunks).split(' ')).toHaveLength(20)
    const books = await expectSoundBooks(customer)
    expect(books.records).toMatchObject([{ outputTokens: 20, estimated: false }])
  })

  test('a stream with include_usage ends with the usage chunk', async () => {
    const customer = await newCustomer()
    const body = streamBody('paced-5', { includeUsage: true, text: '[tokens=20]' })
    const chunks = await chunksFrom(await customer.openai().chat.completions.create(body))
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 20 } })
    expect((await expectSoundBooks(customer)).records).toMatchObject([{ outputTokens: 20, estimated: false }])
  })

  test('tools, several choices and structured answers come through and are charged', async () => {
    const customer = await newCustomer()
    const tools = [
      { type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: { city: { type: 'string' } } } } },
    ]
    const called = await customer.chat('fast', { extra: { tools, tool_choice: 'required' } })
    expect(await called.json()).toMatchObject({ choices: [{ message: { tool_calls: [{ function: { name: 'look_up' } }] } }] })
    const several = await customer.chat('fast', { text: '[tokens=5]', extra: { n: 3 } })
    expect(await several.json()).toMatchObject({ choices: [{}, {}, {}], usage: { completion_tokens: 15 } })
    const structured = await customer.chatStream('fast', { extra: { response_format: { type: 'json_object' } } })
    expect(endsWithDone(await structured.text())).toBe(true)
    expect((await expectSoundBooks(customer)).records).toHaveLength(3)
  })

  test('each attempt of a client that tries again is a request of its own, and only the answered one costs', async () => {
    const customer = await newCustomer()
    const answer = await customer.openai({ maxRetries: 3 }).chat.completions.create(chatBody('flaky-2'))
    expect(answer.choices).toHaveLength(1)
    const { records } = await expectSoundBooks(customer)
    expect(records).toHaveLength(3)
    expect(new Set(customer.requestIds).size).toBe(3)
    expect(records.filter((record) => record.costNanos > 0)).toHaveLength(1)
  })

  test('a client that is told to wait by a busy upstream waits and then gives up, at no charge', async () => {
    const customer = await newCustomer()
    const startedMs = Date.now()
    const failure = await failureOf(customer.openai({ maxRetries: 1 }), chatBody('rate-limited-1'))
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError)
    expect(failure.headers?.get('retry-after')).toBe('1')
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(1_000)
    const { account, records } = await expectSoundBooks(customer)
    expect(records).toHaveLength(2)
    expect(account.balanceNanos).toBe(5_000_000_000)
  })

  for (const [includeUsage, name] of [
    [false, 'watches each chunk'],
    [true, 'pipes natively'],
  ] as const) {
    test(`a client that leaves a stream that the relay ${name} pays for what the upstream reports in the end`, async () => {
      const customer = await newCustomer()
      await leaveAfter(customer, streamBody('paced-50', { includeUsage, text: '[tokens=60]' }), 5)
      const { records, logs } = await expectSoundBooks(customer)
      expect(records).toMatchObject([{ outputTokens: 60, estimated: false }])
      expect(logs).toMatchObject([{ outcome: 'client_left' }])
    })
  }

  test('a client that leaves before the first byte is settled all the same', async () => {
    const customer = await newCustomer()
    const aborted = customer.openai().chat.completions.create(chatBody('slow-first-1500'), { signal: AbortSignal.timeout(300) })
    await expect(aborted).rejects.toThrow(OpenAI.APIUserAbortError)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect((await expectSoundBooks(customer)).records).toHaveLength(1)
  })
}, 90_000)

type Chunks = OpenAI.ChatCompletionChunk[]

async function chunksFrom(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<Chunks> {
  const chunks: Chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

function textOf(chunks: Chunks): string {
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
}

/** Reads some chunks of a stream and then hangs up. */
async function leaveAfter(customer: Customer, body: object, chunks: number): Promise<void> {
  const controller = new AbortController()
  const init = { method: 'POST', body: JSON.stringify(body), signal: controller.signal }
  const response = await customer.send('/v1/chat/completions', init)
  expect(response.status).toBe(200)
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += new TextDecoder().decode(bytes)
    if (chunksOf(text).length >= chunks) break
  }
  controller.abort()
}

/** The error with which the official client ends a call. */
async function failureOf(
  client: OpenAI,
  body: OpenAI.ChatCompletionCreateParamsNonStreaming,
): Promise<InstanceType<typeof OpenAI.APIError>> {
  const failure: unknown = await client.chat.completions.create(body).catch((error: unknown) => error)
  if (failure instanceof OpenAI.APIError) return failure
  throw new Error(`The call did not fail as the API's errors do: ${String(failure)}`)
}
