import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { endedRecord, readEvents, send, testKey } from '../test-client.ts'

let upstream: Upstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = new OpenAI({ apiKey: testKey, baseURL: `${upstream.url}/openai/v1`, maxRetries: 0 })
})
afterAll(() => upstream.close())

type Params = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, 'stream' | 'model'>
const model = 'scripted-fast'
const ask = (more: Params): Promise<OpenAI.Responses.Response> => client.responses.create({ model, ...more })

async function collect(more: Params): Promise<OpenAI.Responses.ResponseStreamEvent[]> {
  const events: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of await client.responses.create({ model, ...more, stream: true })) events.push(event)
  return events
}

const tool: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'look_up',
  strict: null,
  parameters: { type: 'object', properties: { place: { type: 'string' }, days: { type: 'integer' } } },
}

describe('the official client', () => {
  test('gets an answer whose usage is what was asked for', async () => {
    const answer = await ask({ input: 'one two [tokens=20] [cached=4] [reasoning=5]', instructions: 'be brief' })
    expect(answer.output_text.split(' ')).toHaveLength(20)
    expect(answer).toMatchObject({ status: 'completed', error: null, incomplete_details: null, instructions: 'be brief', store: true })
    expect(answer.output.map(({ type }) => type)).toEqual(['reasoning', 'message'])
    // Twice 3 for a message, then two and five words.
    expect(answer.usage).toEqual({
      input_tokens: 13,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: 25,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 38,
    })
  })

  test('streams the same text in the real order of events, numbered from zero', async () => {
    const input = 'same [tokens=3][reasoning=2]'
    const events = await collect({ input, reasoning: { summary: 'auto' } })
    expect(events.map((event) => event.type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
    const last = events.at(-1)
    expect(last?.type === 'response.completed' && last.response.usage).toMatchObject({ output_tokens: 5 })
    const whole = await ask({ input })
    const final = await client.responses.stream({ model, input }).finalResponse()
    expect(final.output_text).toBe(whole.output_text)
    expect(final.usage).toEqual(whole.usage)
  })

  test('gets named events and no [DONE]', async () => {
    const { text } = await send(upstream.url, { path: '/openai/v1/responses', body: { model, input: '[tokens=1]', stream: true } })
    for (const event of readEvents(text)) expect(text).toContain(`event: ${JSON.parse(event).type}\ndata: ${event}\n\n`)
    expect(text).not.toContain('[DONE]')
  })

  test.each([
    [{ input: '[tokens=50][reasoning=6]', max_output_tokens: 16 }, { reason: 'max_output_tokens' }, ['reasoning', 'message'], 16],
    [{ input: '[tokens=50][reasoning=60]', max_output_tokens: 16 }, { reason: 'max_output_tokens' }, ['reasoning'], 16],
    [{ input: '[tokens=50]', model: 'scripted-content-filter' }, { reason: 'content_filter' }, ['message'], 25],
  ])('is told that %o is incomplete', async (more, reason, types, outputTokens) => {
    const answer = await client.responses.create({ model, ...more })
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: reason, usage: { output_tokens: outputTokens } })
    expect(answer.output.map(({ type }) => type)).toEqual(types)
    const last = (await collect(more)).at(-1)
    expect(last?.type).toBe('response.incomplete')
  })

  test('gets a function call that satisfies its schema, the same in a stream', async () => {
    const more: Params = { input: 'weather [tokens=6]', tools: [tool], tool_choice: 'required' }
    const [call] = (await ask(more)).output
    if (call?.type !== 'function_call') throw new Error('no call')
    expect(JSON.parse(call.arguments)).toEqual({ place: expect.any(String), days: 7 })
    const events = await collect(more)
    const deltas = events.flatMap((event) => (event.type === 'response.function_call_arguments.delta' ? [event.delta] : []))
    expect(deltas.join('')).toBe(call.arguments)
    const done = events.find((event) => event.type === 'response.function_call_arguments.done')
    expect(done).toMatchObject({ arguments: call.arguments, name: 'look_up' })
  })

  test('gets a custom call, a search and JSON', async () => {
    const custom = await ask({ input: '[tool]', tools: [{ type: 'custom', name: 'shell' }] })
    expect(custom.output[0]).toMatchObject({ type: 'custom_tool_call', name: 'shell', input: expect.any(String) })
    const search = await ask({ input: '[tool]', tools: [{ type: 'web_search' }] })
    expect(search.output.map(({ type }) => type)).toEqual(['web_search_call', 'message'])
    const schema = { type: 'object', properties: { sure: { type: 'boolean' } } }
    const json = await ask({ input: 'x', text: { format: { type: 'json_schema', name: 'reply', schema } } })
    expect(JSON.parse(json.output_text)).toEqual({ sure: true })
  })
})

describe('what is stored', () => {
  test('can be continued, and its prompt is counted again each time', async () => {
    const first = await ask({ input: 'one two three' })
    const second = await ask({ input: 'four', previous_response_id: first.id })
    const third = await ask({ input: 'five', previous_response_id: second.id })
    expect([first, second, third].map(({ usage }) => usage?.input_tokens)).toEqual([6, 10, 14])
    expect(third.previous_response_id).toBe(second.id)
  })

  test('is what a stream made, too, and its items can be named', async () => {
    const { id, output } = await client.responses.stream({ model, input: 'one [tokens=9]' }).finalResponse()
    expect((await ask({ input: 'two', previous_response_id: id })).usage?.input_tokens).toBe(9)
    const named = [
      { type: 'item_reference' as const, id: output[0]?.id ?? '' },
      { role: 'user' as const, content: 'two' },
    ]
    // 9 remembered, 3 for each item, and a word.
    expect((await ask({ input: named })).usage?.input_tokens).toBe(16)
  })

  test('is nothing without store, and nothing that was refused', async () => {
    const { id } = await ask({ input: 'x', store: false })
    for (const previous of [id, 'resp_0123']) {
      const error = await ask({ input: 'x', previous_response_id: previous }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ status: 400, code: 'previous_response_not_found', param: 'previous_response_id' })
    }
    await expect(ask({ input: [{ type: 'item_reference', id: 'msg_0' }] })).rejects.toMatchObject({ status: 404 })
  })
})

test('the ground truth is what the terminal event reports', async () => {
  const body = { model, input: 'a canary [tokens=10][cached=2][reasoning=3]', stream: true }
  const { text } = await send(upstream.url, { path: '/openai/v1/responses', body, headers: { 'x-request-id': 'truth' } })
  const record = await endedRecord(upstream, 'truth')
  expect(record).toMatchObject({ stream: true, outcome: 'completed', promptTokens: 6, cachedTokens: 2 })
  expect(record).toMatchObject({ completionTokensGenerated: 13, completionTokensSent: 10 })
  expect(text).toContain(JSON.stringify(record.usageReported))
  expect(JSON.stringify(record)).not.toContain('canary')
})
