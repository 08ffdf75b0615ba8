import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, testKey } from '../test-client.ts'
import { messageBody, readNamedEvents, sendMessages } from './test-client.ts'

let upstream: Upstream
let client: Anthropic

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = connect(upstream, testKey)
})
afterAll(() => upstream.close())

/** The client by itself sends the key as a bearer, which this upstream does not take: the relay sends it as the key header. */
function connect({ url }: Upstream, key: string): Anthropic {
  const defaultHeaders = { authorization: null, 'x-api-key': key }
  return new Anthropic({ apiKey: key, baseURL: `${url}/anthropic`, maxRetries: 0, defaultHeaders })
}

type Request = Anthropic.MessageCreateParamsNonStreaming
const ask = (content: Anthropic.MessageParam['content'], more: Partial<Request> = {}): Request => ({
  model: 'scripted-fast',
  max_tokens: 2_000,
  messages: [{ role: 'user', content }],
  ...more,
})
const searchTool = { type: 'web_search_20250305', name: 'web_search', max_uses: 2 } as const
const lookUp: Anthropic.Tool = {
  name: 'look_up',
  input_schema: { type: 'object', properties: { place: { type: 'string' }, days: { type: 'integer' } }, required: ['place'] },
}
const thinking = { type: 'enabled', budget_tokens: 1_024 } as const

describe('the official client', () => {
  test('gets an answer whose usage is what was asked for', async () => {
    const words = 'word '.repeat(60)
    const answer = await client.messages.create(
      ask(`${words}[tokens=100] [cached=20] [written5m=10] [written1h=5]`, { system: 'be brief', stop_sequences: ['zzz'] }),
    )
    expect(answer).toMatchObject({ type: 'message', role: 'assistant', model: 'scripted-fast', stop_reason: 'end_turn' })
    expect(answer.content[0]?.type === 'text' && answer.content[0].text.split(' ')).toHaveLength(100)
    // 64 words in the message and 2 for the system, 3 for each of the two.
    expect(answer.usage).toMatchObject({
      input_tokens: 72 - 35,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 15,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 5 },
      output_tokens: 100,
    })
    expect(upstream.records().at(-1)).toMatchObject({
      promptTokens: 72,
      cachedTokens: 20,
      completionTokensGenerated: 100,
      completionTokensSent: 100,
      usageReported: answer.usage,
      leaks: [],
      headers: { authorization: 'right' },
    })
  })

  test.each([
    ['text', ask('[tokens=9]')],
    ['thinking', ask('[tokens=9][reasoning=7]', { thinking })],
    ['omitted thinking', ask('[tokens=9][reasoning=7]', { thinking: { type: 'adaptive', display: 'omitted' } })],
    ['redacted thinking', ask('[tokens=9][reasoning=7][redacted]', { thinking })],
    ['a tool call', ask('[tokens=9]', { tools: [lookUp], tool_choice: { type: 'any' } })],
    ['searches', ask('[tokens=9][searches=5]', { tools: [searchTool] })],
    ['JSON', ask('[tokens=9]', { output_config: { format: { type: 'json_schema', schema: lookUp.input_schema } } })],
  ])('streams the same %s as it gets at once', async (_name, request) => {
    const whole = await client.messages.create(request)
    const streamed = await client.messages.stream(request).finalMessage()
    expect(streamed.content).toEqual(whole.content)
    expect(streamed.stop_reason).toBe(whole.stop_reason)
    expect(streamed.usage).toMatchObject({ output_tokens: whole.usage.output_tokens, input_tokens: whole.usage.input_tokens })
    const [first, second] = upstream.records().slice(-2)
    expect(second?.stream).toBe(true)
    expect(second?.usageReported).toEqual(first?.usageReported)
    expect(second?.completionTokensSent).toBe(first?.completionTokensSent)
    expect(second?.completionTokensGenerated).toBe(whole.usage.output_tokens)
  })

  test('gets thinking that counts as output, and may send it back unchanged only', async () => {
    const question = ask('[tokens=4][reasoning=6]', { thinking })
    const { content, usage } = await client.messages.create(question)
    expect(content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    expect(usage).toMatchObject({ output_tokens: 10, output_tokens_details: { thinking_tokens: 6 } })
    const [thought, text] = content
    if (thought?.type !== 'thinking' || text?.type !== 'text') throw new Error('no thought')
    const goOn = (said: Anthropic.ThinkingBlock): Request =>
      ask('x', { messages: [...question.messages, { role: 'assistant', content: [said, text] }, { role: 'user', content: 'go on' }] })
    await client.messages.create(goOn(thought))
    for (const wrong of [
      { ...thought, thinking: `${thought.thinking}!` },
      { ...thought, signature: 'ErUB' },
    ]) {
      await expect(client.messages.create(goOn(wrong))).rejects.toThrow('messages.1.content.0: Invalid `signature` in `thinking` block')
    }
    const other = await startUpstream({ port: 0, key: 'sk-other' })
    const stranger = connect(other, 'sk-other')
    await expect(stranger.messages.create(goOn(thought))).rejects.toThrow('Invalid `signature`')
    await other.close()
  })

  test('does not get thinking it did not ask for', async () => {
    const { content, usage } = await client.messages.create(ask('[tokens=4][reasoning=6]'))
    expect(content.map(({ type }) => type)).toEqual(['text'])
    expect(usage.output_tokens).toBe(4)
  })

  test('pays for omitted and redacted thinking it cannot see, and may send it back', async () => {
    const omitted = ask('[tokens=4][reasoning=6]', { thinking: { type: 'adaptive', display: 'omitted' } })
    for (const request of [omitted, ask('[tokens=4][reasoning=6][redacted]', { thinking })]) {
      const { content, usage } = await client.messages.create(request)
      expect(usage.output_tokens).toBe(10)
      expect(upstream.records().at(-1)).toMatchObject({ completionTokensGenerated: 10, completionTokensSent: 4 })
      await client.messages.create({
        ...request,
        messages: [...request.messages, { role: 'assistant', content }, { role: 'user', content: 'on' }],
      })
    }
  })

  test('gets a tool call that satisfies its schema, and answers it', async () => {
    const question = ask('[tokens=6][tool]', { tools: [lookUp] })
    const answer = await client.messages.create(question)
    const [call] = answer.content
    if (call?.type !== 'tool_use') throw new Error('no call')
    expect(answer.stop_reason).toBe('tool_use')
    expect(call.input).toEqual({ place: expect.any(String), days: 7 })
    const messages: Anthropic.MessageParam[] = [...question.messages, { role: 'assistant', content: answer.content }]
    const reply = { type: 'tool_result', tool_use_id: call.id, content: 'sunny' } as const
    const next = await client.messages.create({ ...question, messages: [...messages, { role: 'user', content: [reply] }] })
    expect(next.stop_reason).toBe('end_turn')
  })

  test('gets searches that are counted, as often as the tool may be used', async () => {
    const question = ask('[tokens=4][searches=5]', { tools: [searchTool] })
    const answer = await client.messages.create(question)
    const kinds = answer.content.map(({ type }) => type)
    expect(kinds).toEqual(['server_tool_use', 'web_search_tool_result', 'server_tool_use', 'web_search_tool_result', 'text'])
    expect(answer.usage.server_tool_use?.web_search_requests).toBe(2)
    const without = await client.messages.create(ask('[tokens=4][searches=5]', { tools: [lookUp] }))
    expect(without.usage.server_tool_use).toBeUndefined()
    const goOn = [...question.messages, { role: 'assistant', content: answer.content }, { role: 'user', content: 'on' }] as const
    await client.messages.create({ ...question, messages: [...goOn] })
  })

  test.each([
    ['[tokens=50]', 7, 7],
    ['[tokens=50]', 0, 0],
  ])('asking %s is cut at max_tokens %i', async (text, max_tokens, output) => {
    const answer = await client.messages.create(ask(text, { max_tokens }))
    expect(answer).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: output } })
  })

  test('counts tokens as a message does, and the record counts none', async () => {
    const { model, messages } = ask('one two three')
    const counted = await client.messages.countTokens({ model, messages, tools: [lookUp], system: 'four five' })
    const answered = await client.messages.create(ask('one two three', { tools: [lookUp], system: 'four five' }))
    expect(counted).toEqual({ input_tokens: answered.usage.input_tokens })
    expect(upstream.records().at(-2)).toMatchObject({ promptTokens: 0, completionTokensGenerated: 0, usageReported: null })
  })

  test('may use betas, and only with them the fields that they bring', async () => {
    const request = { ...ask('hi'), betas: ['context-management-2025-06-27'], context_management: { edits: [] } }
    expect((await client.beta.messages.create(request)).type).toBe('message')
    const refused = client.beta.messages.create({ ...request, betas: [] })
    await expect(refused).rejects.toBeInstanceOf(Anthropic.BadRequestError)
  })

  test('lists models and finds one', async () => {
    const ids: string[] = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toContain('scripted-fast')
    expect((await client.models.retrieve('scripted-paced-50')).id).toBe('scripted-paced-50')
    await expect(client.models.retrieve('claude-x')).rejects.toBeInstanceOf(Anthropic.NotFoundError)
  })

  test.each([
    ['scripted-error-400', Anthropic.BadRequestError],
    ['scripted-error-401', Anthropic.AuthenticationError],
    ['scripted-error-403', Anthropic.PermissionDeniedError],
    ['claude-x', Anthropic.NotFoundError],
    ['scripted-rate-limited', Anthropic.RateLimitError],
    ['scripted-error-500', Anthropic.InternalServerError],
    ['scripted-error-503', Anthropic.InternalServerError],
    ['scripted-break-before-headers', Anthropic.APIConnectionError],
    ['scripted-refuse', Anthropic.APIConnectionError],
  ])('sees the right class of error for %s', async (model, type) => {
    await expect(client.messages.create(ask('hi', { model }))).rejects.toBeInstanceOf(type)
  })

  test('sees an error in mid-stream', async () => {
    const stream = client.messages.stream(ask('[tokens=8]', { model: 'scripted-error-mid' }))
    await expect(stream.finalMessage()).rejects.toThrow('overloaded_error')
  })
})

test('a stream has the events, names and first counts of the real one', async () => {
  const text = '[tokens=2][reasoning=1]'
  const body = messageBody('scripted-fast', text, { stream: true, max_tokens: 2_000, thinking })
  const events = readNamedEvents((await sendMessages(upstream.url, { body })).text)
  expect(events.map(({ name, data }) => [name, (data?.delta as { type?: string } | undefined)?.type].filter(Boolean).join(' '))).toEqual([
    'message_start',
    'ping',
    'content_block_start',
    'content_block_delta thinking_delta',
    'content_block_delta signature_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta text_delta',
    'content_block_delta text_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ])
  expect(events.every(({ name, data }) => data?.type === name)).toBe(true)
  expect(events[0]?.data).toMatchObject({ message: { content: [], stop_reason: null, usage: { input_tokens: 4, output_tokens: 1 } } })
  expect(events.at(-2)?.data).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } })
})

test('the answer is a pure function of model, messages, system and limit', async () => {
  const say = async (text: string, more: Partial<Request> = {}): Promise<unknown> => (await client.messages.create(ask(text, more))).content
  const first = await say('same')
  expect(await say('same', { stop_sequences: ['x'], metadata: { user_id: 'u' } })).toEqual(first)
  for (const other of [say('other'), say('same', { max_tokens: 1_999 }), say('same', { system: 's' })]) {
    expect(await other).not.toEqual(first)
  }
})

test('the truth holds neither text nor key', async () => {
  const body = messageBody('scripted-fast', 'a secret canary', { stream: true })
  await sendMessages(upstream.url, { body, headers: { 'x-request-id': 'anthropic-truth' } })
  const record = await endedRecord(upstream, 'anthropic-truth')
  expect(record).toMatchObject({ path: '/anthropic/v1/messages', model: 'scripted-fast', behaviour: 'fast', outcome: 'completed' })
  expect(record.promptTokens).toBeLessThanOrEqual(record.bodyBytes)
  expect(JSON.stringify(record)).not.toMatch(/canary|sk-scripted/)
})
