import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from './server.ts'
import { chatBody, endedRecord, send, streamed, testKey } from './test-client.ts'

let upstream: Upstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = new OpenAI({ apiKey: testKey, baseURL: `${upstream.url}/openai/v1`, maxRetries: 0 })
})
afterAll(() => upstream.close())

const user = (content: string): { role: 'user'; content: string } => ({ role: 'user', content })

describe('the official client', () => {
  test('gets an answer whose usage is what was asked for', async () => {
    const answer = await client.chat.completions.create({
      model: 'scripted-fast',
      messages: [user('one two [tokens=100] [cached=4] [reasoning=5]')],
    })
    expect(answer.choices[0]?.message.content?.split(' ')).toHaveLength(100)
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(answer.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 105, total_tokens: 113 })
    expect(answer.usage?.prompt_tokens_details?.cached_tokens).toBe(4)
    expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBe(5)
  })

  test('streams the same text, with usage null but for the last chunk', async () => {
    const messages = [user('same text [tokens=20]')]
    const whole = await client.chat.completions.create({ model: 'scripted-fast', messages })
    const stream = await client.chat.completions.create({
      model: 'scripted-fast',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    const last = chunks.pop()
    expect(last).toMatchObject({ choices: [], usage: { ...whole.usage } })
    expect(chunks).toHaveLength(22)
    expect(chunks.every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(whole.choices[0]?.message.content)
  })

  test('gets no usage in a stream unless it asks', async () => {
    const { text } = await send(upstream.url, { body: chatBody('scripted-fast', 'hi', { stream: true }) })
    expect(text).not.toContain('usage')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test.each([{ max_tokens: 7 }, { max_completion_tokens: 7 }])('is cut at %o', async (cap) => {
    const answer = await client.chat.completions.create({ model: 'scripted-fast', messages: [user('long [tokens=50]')], ...cap })
    expect(answer.usage?.completion_tokens).toBe(7)
    expect(answer.choices[0]?.finish_reason).toBe('length')
  })

  test('gets n choices, all counted', async () => {
    const answer = await client.chat.completions.create({ model: 'scripted-fast', messages: [user('[tokens=5]')], n: 3 })
    expect(new Set(answer.choices.map((choice) => choice.message.content)).size).toBe(3)
    expect(answer.usage?.completion_tokens).toBe(15)
  })

  const tools: OpenAI.ChatCompletionTool[] = [
    {
      type: 'function',
      function: {
        name: 'look_up',
        parameters: { type: 'object', properties: { place: { type: 'string' }, days: { type: 'integer' } }, required: ['place'] },
      },
    },
  ]

  test('gets a tool call that satisfies its schema, the same in a stream', async () => {
    const request = { model: 'scripted-fast', messages: [user('weather [tokens=6]')], tools, tool_choice: 'required' as const }
    const answer = await client.chat.completions.create(request)
    const call = answer.choices[0]?.message.tool_calls?.[0]
    if (call?.type !== 'function') throw new Error('no call')
    expect(JSON.parse(call.function.arguments)).toEqual({ place: expect.any(String), days: 7 })
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls')
    const final = await client.chat.completions.stream({ ...request, stream_options: { include_usage: true } }).finalChatCompletion()
    const streamedCall = final.choices[0]?.message.tool_calls?.[0]
    expect(streamedCall?.type === 'function' && streamedCall.function.arguments).toBe(call.function.arguments)
    expect(final.usage?.completion_tokens).toBe(answer.usage?.completion_tokens)
  })

  test('gets finish_reason stop when it named the function, and a call by tag', async () => {
    const named = await client.chat.completions.create({
      model: 'scripted-fast',
      messages: [user('x')],
      tools,
      tool_choice: { type: 'function', function: { name: 'look_up' } },
    })
    expect(named.choices[0]?.finish_reason).toBe('stop')
    expect(named.choices[0]?.message.content).toBeNull()
    const tagged = await client.chat.completions.create({ model: 'scripted-fast', messages: [user('x [tool]')], tools })
    expect(tagged.choices[0]?.message.tool_calls).toHaveLength(1)
  })

  test('gets JSON that satisfies the schema it asked for', async () => {
    const schema = { type: 'object', properties: { answer: { type: 'string' }, sure: { type: 'boolean' } } }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'reply', schema } }
    const answer = await client.chat.completions.create({ model: 'scripted-fast', messages: [user('x [tokens=9]')], response_format })
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ answer: expect.any(String), sure: true })
    expect(answer.usage?.completion_tokens).toBe(9)
  })

  test('gets embeddings in both encodings', async () => {
    const request = { model: 'scripted-embedding', input: ['one two', 'three'], dimensions: 8 }
    const decoded = await client.embeddings.create(request)
    const plain = await client.embeddings.create({ ...request, encoding_format: 'float' })
    expect(decoded.data).toHaveLength(2)
    expect(decoded.data[0]?.embedding.length).toBe(8)
    for (const [index, value] of (plain.data[0]?.embedding ?? []).entries()) expect(decoded.data[0]?.embedding[index]).toBeCloseTo(value, 6)
    expect(plain.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 })
  })

  test('lists models and finds one', async () => {
    const ids = (await client.models.list()).data.map((model) => model.id)
    expect(ids).toContain('scripted-fast')
    expect((await client.models.retrieve('scripted-paced-50')).id).toBe('scripted-paced-50')
    await expect(client.models.retrieve('gpt-4o')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  })

  test.each([
    ['scripted-error-400', OpenAI.BadRequestError],
    ['scripted-error-401', OpenAI.AuthenticationError],
    ['scripted-error-403', OpenAI.PermissionDeniedError],
    ['scripted-nothing', OpenAI.NotFoundError],
    ['scripted-rate-limited', OpenAI.RateLimitError],
    ['scripted-error-500', OpenAI.InternalServerError],
    ['scripted-error-503', OpenAI.InternalServerError],
    ['scripted-break-before-headers', OpenAI.APIConnectionError],
    ['scripted-refuse', OpenAI.APIConnectionError],
  ])('sees the right class of error for %s', async (model, type) => {
    await expect(client.chat.completions.create({ model, messages: [user('hi')] })).rejects.toBeInstanceOf(type)
  })
})

describe('ground truth', () => {
  test('matches what was answered and holds neither text nor key', async () => {
    const body = chatBody('scripted-fast', 'a secret canary [tokens=10][cached=2][reasoning=3]', streamed)
    const { text } = await send(upstream.url, { body, headers: { 'x-request-id': 'truth-1' } })
    const record = await endedRecord(upstream, 'truth-1')
    const bodyBytes = Buffer.byteLength(JSON.stringify(body))
    expect(record).toMatchObject({
      model: 'scripted-fast',
      behaviour: 'fast',
      stream: true,
      status: 200,
      outcome: 'completed',
      bodyBytes,
      leaks: [],
    })
    expect(record).toMatchObject({ promptTokens: 7, cachedTokens: 2, completionTokensGenerated: 13, completionTokensSent: 10 })
    expect(text).toContain(JSON.stringify(record.usageReported))
    expect(record.promptTokens).toBeLessThanOrEqual(bodyBytes)
    expect(record.headers.authorization).toBe('right')
    expect(JSON.stringify(record)).not.toMatch(/canary|sk-scripted/)
  })

  test('is served, filtered, summed and cleared over HTTP', async () => {
    const own = await startUpstream({ port: 0, key: 'sk-other' })
    const headers = { authorization: 'Bearer sk-other' }
    const get = async (path: string): Promise<unknown> => JSON.parse((await send(own.url, { method: 'GET', path })).text)
    for (const id of ['a', 'b'])
      await send(own.url, { body: chatBody('scripted-fast', '[tokens=4]'), headers: { ...headers, 'x-request-id': id } })
    await send(own.url, { body: chatBody('scripted-fast', 'hi'), headers: { 'x-request-id': 'c' } })
    expect(await get('/_truth/requests?relayRequestId=b')).toMatchObject({ requests: [{ id: 2, relayRequestId: 'b' }] })
    expect(await get('/_truth/requests?limit=1')).toMatchObject({
      requests: [{ id: 3, status: 401, outcome: 'refused', headers: { authorization: 'wrong' } }],
    })
    expect(await get(`/_truth/requests?since=${Date.now() + 60_000}`)).toEqual({ requests: [] })
    expect(await get('/_truth/requests?model=scripted-slow-first')).toEqual({ requests: [] })
    expect(await get('/_truth/summary')).toMatchObject({
      requests: 3,
      running: 0,
      models: { 'scripted-fast': { requests: 2, completionTokensSent: 8 } },
    })
    expect((await send(own.url, { method: 'DELETE', path: '/_truth/requests' })).status).toBe(204)
    expect(own.records()).toEqual([])
    await own.close()
  })

  test('notices a client that leaves in mid-stream, and counts only what was sent', async () => {
    const body = chatBody('scripted-paced-5', '[tokens=400]', streamed)
    await send(upstream.url, { body, headers: { 'x-request-id': 'leaver' }, leaveAfterBytes: 1_500 })
    const record = await endedRecord(upstream, 'leaver')
    expect(record.outcome).toBe('client_left')
    expect(record.completionTokensSent).toBeGreaterThan(0)
    expect(record.completionTokensSent).toBeLessThan(60)
    expect(record.usageReported).toBeNull()
  })

  test('notices a client that leaves a silent upstream', async () => {
    const body = chatBody('scripted-stall-2', '[tokens=10]', streamed)
    await send(upstream.url, { body, headers: { 'x-request-id': 'silence' }, leaveAfterBytes: 300 })
    expect(await endedRecord(upstream, 'silence')).toMatchObject({ outcome: 'client_left', completionTokensSent: 2 })
  })
})

test('the answer is a pure function of model, messages and limits', async () => {
  const ask = async (text: string, more = {}): Promise<string> => {
    const { choices } = await client.chat.completions.create({ model: 'scripted-fast', messages: [user(text)], ...more })
    return choices[0]?.message.content ?? ''
  }
  const first = await ask('same')
  expect(await ask('same', { temperature: 2, user: 'someone' })).toBe(first)
  expect(await ask('other')).not.toBe(first)
  expect(await ask('same', { max_tokens: 32 })).not.toBe(first)
})

test('a text length can be asked for', async () => {
  const { text } = await send(upstream.url, { body: chatBody('scripted-fast', '[tokens=110][bytes=1700]') })
  expect(JSON.parse(text).usage.completion_tokens).toBe(110)
  expect(text.length).toBeGreaterThan(2_200)
  expect(text.length).toBeLessThan(2_500)
})
