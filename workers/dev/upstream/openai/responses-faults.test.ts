import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type TruthRecord, type Upstream } from '../server.ts'
import { endedRecord, type RawAnswer, readEvents, send } from '../test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const path = '/openai/v1/responses'
let plays = 0

type Played = { answer: RawAnswer; events: Record<string, unknown>[]; record: TruthRecord }

async function playModel(name: string, stream = true): Promise<Played> {
  plays += 1
  const relayRequestId = `play-${plays}`
  const body = { model: `scripted-${name}`, input: '[tokens=8]', stream }
  const answer = await send(upstream.url, { path, body, headers: { 'x-request-id': relayRequestId } })
  const events = name.startsWith('nan') ? [] : readEvents(answer.text).map((event) => JSON.parse(event))
  return { answer, events, record: await endedRecord(upstream, relayRequestId) }
}

const deltasOf = (events: Played['events']): unknown[] => events.filter(({ type }) => type === 'response.output_text.delta')

describe('usage', () => {
  test.each([
    ['zero', 0],
    ['absurd', 1e15],
    ['negative', -5],
    ['text', '12'],
    ['empty-text', ''],
    ['fraction', 1.5],
    ['overflow', Number.POSITIVE_INFINITY],
  ])('scripted-%s-usage reports %s, in a stream and in a body', async (name, count) => {
    const wrong = { input_tokens: count, output_tokens: count, total_tokens: count }
    const { events, record } = await playModel(`${name}-usage`)
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { usage: wrong } })
    expect(record.completionTokensGenerated).toBe(8)
    expect(JSON.parse((await playModel(`${name}-usage`, false)).answer.text).usage).toEqual(wrong)
  })

  test('nan, null and absent', async () => {
    expect((await playModel('nan-usage')).answer.text).toContain('"output_tokens":NaN')
    expect((await playModel('null-usage')).events.at(-1)).toMatchObject({ response: { usage: null } })
    const { events, record } = await playModel('no-usage')
    expect(events.at(-1)?.response).not.toHaveProperty('usage')
    expect(record.usageReported).toBeNull()
    expect(JSON.parse((await playModel('no-usage', false)).answer.text)).not.toHaveProperty('usage')
  })

  test('twice, and in the first item only', async () => {
    const twice = await playModel('usage-twice')
    const usages = twice.events.flatMap(({ response }) => (response === undefined ? [] : [response]))
    expect(usages).toMatchObject([{ usage: null }, { usage: { output_tokens: 4 } }, { usage: { output_tokens: 8 } }])
    expect(twice.record.usageReported).toMatchObject({ output_tokens: 8 })
    expect((await playModel('usage-twice', false)).answer.text.match(/"usage":\{/g)).toHaveLength(2)
    const inItem = await playModel('usage-in-choices')
    expect(inItem.events.at(-1)).toMatchObject({ response: { output: [{ usage: { output_tokens: 8 } }] } })
    expect(inItem.events.at(-1)?.response).not.toHaveProperty('usage')
  })
})

describe('broken streams', () => {
  test('an error that comes first is an error event, a later one a failed response without usage', async () => {
    const first = await playModel('error-first')
    expect(first.answer.text).toMatch(/^event: error\n/)
    expect(first.events).toEqual([{ type: 'error', code: 'server_error', message: expect.any(String), param: null, sequence_number: 0 }])
    const mid = await playModel('error-mid-2')
    expect(deltasOf(mid.events)).toHaveLength(2)
    const response = { status: 'failed', error: { code: 'server_error' }, usage: null }
    expect(mid.events.at(-1)).toMatchObject({ type: 'response.failed', sequence_number: mid.events.length - 1, response })
    for (const { record } of [first, mid]) expect(record).toMatchObject({ outcome: 'broken', usageReported: null })
  })

  test('a cut keeps the terminal event back, however late it comes', async () => {
    for (const [chunks, sent] of [
      [0, 0],
      [3, 3],
      [99, 8],
    ] as const) {
      const { answer, events, record } = await playModel(`break-${chunks}`)
      expect(answer.ended).toBe('cut')
      expect(deltasOf(events)).toHaveLength(sent)
      expect(record).toMatchObject({ outcome: 'broken', completionTokensSent: sent, usageReported: null })
    }
  })

  test('bytes after the end keep their names, and failures are those of chat', async () => {
    const { answer, events } = await playModel('bytes-after-done')
    expect(answer.text.match(/^event: response.completed$/gm)).toHaveLength(2)
    expect(events.length % 2).toBe(0)
    expect((await playModel('rate-limited-7')).answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
  })
})

const responses = (more: Record<string, unknown>): Record<string, unknown> => ({ model: 'scripted-fast', input: 'hi', ...more })
const items = (...input: unknown[]): Record<string, unknown> => responses({ input })
const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
const output = { type: 'function_call_output', call_id: 'c', output: 'done' }
const custom = { type: 'custom_tool_call', call_id: 'd', name: 'g', input: 'x' }

// name, body, status, param, code
const refusals: [string, Record<string, unknown>, number, string | null, string | null][] = [
  ['an unknown model', responses({ model: 'gpt-5' }), 404, null, 'model_not_found'],
  ['a parameter of chat', responses({ messages: [] }), 400, 'messages', 'unknown_parameter'],
  ['no input', { model: 'scripted-fast' }, 400, 'input', 'missing_required_parameter'],
  ['input of a wrong type', responses({ input: 5 }), 400, 'input', 'invalid_type'],
  ['an unknown item', items({ type: 'video' }), 400, 'input[0].type', 'invalid_value'],
  ['an item without role', items({ content: 'x' }), 400, 'input[0].role', 'missing_required_parameter'],
  ['an unknown role', items({ role: 'tool', content: 'x' }), 400, 'input[0].role', 'invalid_value'],
  ['an unknown key', items({ role: 'user', content: 'x', name: 'n' }), 400, 'input[0].name', 'unknown_parameter'],
  ['a part of chat', items({ role: 'user', content: [{ type: 'text', text: 'x' }] }), 400, 'input[0].content[0].type', 'invalid_value'],
  [
    'an input of the assistant',
    items({ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }),
    400,
    'input[0].content[0].type',
    'invalid_value',
  ],
  ['an output without call', items(output), 400, 'input', null],
  ['a call without output', items(call), 400, 'input', null],
  [
    'a tool in the form of chat',
    responses({ tools: [{ type: 'function', function: { name: 'f' } }] }),
    400,
    'tools[0].name',
    'missing_required_parameter',
  ],
  ['an unknown tool', responses({ tools: [{ type: 'mcp' }] }), 400, 'tools[0].type', 'invalid_value'],
  ['a choice that is not offered', responses({ tool_choice: { type: 'function', name: 'f' } }), 400, 'tool_choice', null],
  ['required without tools', responses({ tool_choice: 'required' }), 400, 'tool_choice', null],
  ['a limit below 16', responses({ max_output_tokens: 15 }), 400, 'max_output_tokens', 'integer_below_min_value'],
  ['an unknown effort', responses({ reasoning: { effort: 'huge' } }), 400, 'reasoning.effort', 'invalid_value'],
  [
    'a schema without name',
    responses({ text: { format: { type: 'json_schema', schema: {} } } }),
    400,
    'text.format.name',
    'missing_required_parameter',
  ],
  ['an unknown include', responses({ include: ['usage'] }), 400, 'include[0]', 'invalid_value'],
  [
    'usage asked for as in chat',
    responses({ stream: true, stream_options: { include_usage: true } }),
    400,
    'stream_options.include_usage',
    'unknown_parameter',
  ],
  ['background', responses({ background: true }), 400, 'background', 'unsupported_parameter'],
  [
    'two histories',
    responses({ previous_response_id: 'a', conversation: 'b' }),
    400,
    'previous_response_id',
    'mutually_exclusive_parameters',
  ],
  ['an unknown conversation', responses({ conversation: { id: 'conv_1' } }), 404, 'conversation', null],
  ['an unknown prompt', responses({ prompt: { id: 'pmpt_1' } }), 404, 'prompt', 'prompt_not_found'],
]

test.each(refusals)('refuses %s', async (_name, body, status, param, code) => {
  const answer = await send(upstream.url, { path, body })
  expect({ status: answer.status, ...JSON.parse(answer.text).error }).toMatchObject({ status, param, code, type: 'invalid_request_error' })
})

test.each([
  [
    'a conversation with tools',
    items({ role: 'user', content: 'u' }, { type: 'reasoning', id: 'rs', summary: [] }, call, output, custom, {
      ...output,
      type: 'custom_tool_call_output',
      call_id: 'd',
    }),
  ],
  [
    'pictures and files',
    items({
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_image', image_url: 'u', detail: 'low' },
        { type: 'input_file', file_id: 'f' },
      ],
    }),
  ],
  [
    'an answer sent back',
    items({
      type: 'message',
      id: 'msg_1',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'x', annotations: [] }],
    }),
  ],
  [
    'what says how to answer',
    responses({
      reasoning: { effort: 'low', summary: 'auto' },
      text: { verbosity: 'low' },
      include: ['reasoning.encrypted_content'],
      truncation: 'auto',
      metadata: { a: 'b' },
      service_tier: 'auto',
      top_logprobs: 2,
      prompt_cache_key: 'k',
      safety_identifier: 's',
      background: false,
    }),
  ],
  [
    'null for what is optional',
    responses({ tools: null, tool_choice: null, max_output_tokens: null, previous_response_id: null, store: null, stream_options: null }),
  ],
])('accepts %s', async (_name, body) => {
  expect(await send(upstream.url, { path, body })).toMatchObject({ status: 200 })
})
