import { describe, expect, test } from 'vitest'
import { readMessage, readUsage } from './anthropic-usage.ts'
import { emptyReading, type Reading } from './dialect.ts'

function readAll(...answers: unknown[]): Reading {
  const reading = emptyReading()
  for (const answer of answers) readMessage(reading, answer)
  return reading
}
const start = (usage: unknown) => ({
  type: 'message_start',
  message: { id: 'msg_1', type: 'message', content: [], stop_reason: null, usage },
})
const end = (usage: unknown, stop_reason: unknown = 'end_turn') => ({ type: 'message_delta', delta: { stop_reason }, usage })
const delta = (fields: object) => ({ type: 'content_block_delta', index: 0, delta: fields })
const block = (fields: object) => ({ type: 'content_block_start', index: 0, content_block: fields })
const text = delta({ type: 'text_delta', text: 'grün' })

describe('reported usage', () => {
  test('is in buckets that do not overlap, as it is reported', () => {
    const usage = {
      input_tokens: 30,
      cache_read_input_tokens: 60,
      cache_creation_input_tokens: 10,
      cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 },
      output_tokens: 40,
      output_tokens_details: { thinking_tokens: 25 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      service_tier: 'standard',
    }
    expect(readUsage(usage, null)).toEqual({
      inputTokens: 30,
      cacheReadTokens: 60,
      cacheWrite5mTokens: 4,
      cacheWrite1hTokens: 6,
      outputTokens: 40,
      reasoningTokens: 25,
      webSearches: 2,
    })
  })

  test.each([
    ['a sum alone is five minutes', { cache_creation_input_tokens: 10 }, { cacheWrite5mTokens: 10 }],
    ['an hour alone', { cache_creation: { ephemeral_1h_input_tokens: 6 } }, { cacheWrite1hTokens: 6 }],
    [
      'parts without a sum',
      { cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 } },
      { cacheWrite5mTokens: 4, cacheWrite1hTokens: 6 },
    ],
    [
      'a sum above its parts',
      { cache_creation_input_tokens: 10, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 6 } },
      { cacheWrite5mTokens: 4, cacheWrite1hTokens: 6 },
    ],
    ['null for both', { cache_creation_input_tokens: null, cache_creation: null }, {}],
    [
      'zero for both',
      { cache_creation_input_tokens: 0, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 } },
      { cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 },
    ],
  ])('of what was written to the cache: %s', (_, fields, written) => {
    expect(readUsage({ input_tokens: 1, output_tokens: 2, ...fields }, null)).toEqual({ inputTokens: 1, outputTokens: 2, ...written })
  })

  test('keeps what was not reported apart from what was reported as zero', () => {
    expect(readUsage({ input_tokens: 0, output_tokens: 0 }, null)).toEqual({ inputTokens: 0, outputTokens: 0 })
    expect(readUsage({ input_tokens: 5, output_tokens: null, server_tool_use: null, output_tokens_details: null }, null)).toEqual({
      inputTokens: 5,
    })
    expect(readUsage({ input_tokens: 5, cache_read_input_tokens: 0 }, null)).toEqual({ inputTokens: 5, cacheReadTokens: 0 })
  })

  test.each(['"12"', '-1', '1e400', '1.5', '""', '[]', '{}', 'true', '1000000001', '9007199254740993'])(
    'with any count of %s is not believed',
    (number) => {
      const wrong: unknown = JSON.parse(number)
      for (const field of ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']) {
        expect(readUsage({ input_tokens: 1, output_tokens: 1, [field]: wrong }, null)).toBeNull()
      }
      expect(readUsage({ input_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: wrong } }, null)).toBeNull()
      expect(readUsage({ input_tokens: 1, server_tool_use: { web_search_requests: wrong } }, null)).toBeNull()
    },
  )

  test.each([null, undefined, '', 'x', 12, true, [], {}, { output_tokens: 5 }, { input_tokens: Number.NaN }])('%j is none', (usage) => {
    expect(readUsage(usage, null)).toBeNull()
  })

  test('of an hour that is more than the sum is not believed', () => {
    expect(
      readUsage({ input_tokens: 1, cache_creation_input_tokens: 5, cache_creation: { ephemeral_1h_input_tokens: 6 } }, null),
    ).toBeNull()
  })
})

describe('a streamed message', () => {
  const begun = { input_tokens: 9, cache_read_input_tokens: 3, cache_creation_input_tokens: 5, output_tokens: 1 }

  test('has the last of its reports, which are cumulative, and of an earlier one what the later does not name', () => {
    const half = { input_tokens: null, cache_read_input_tokens: null, output_tokens: 4 }
    const all = { input_tokens: 11, cache_creation_input_tokens: null, output_tokens: 8, server_tool_use: { web_search_requests: 1 } }
    expect(readAll(start(begun), text, end(half, null), end(all)).usage).toEqual({
      inputTokens: 11,
      cacheReadTokens: 3,
      cacheWrite5mTokens: 5,
      outputTokens: 8,
      webSearches: 1,
    })
  })

  test('keeps how long it was written for when the sum comes again without its parts', () => {
    const parts = { ...begun, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 5 } }
    expect(readAll(start(parts), end({ output_tokens: 8, cache_creation_input_tokens: 5 })).usage).toMatchObject({
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 5,
    })
    expect(readAll(start(parts), end({ output_tokens: 8, cache_creation_input_tokens: 7 })).usage).toMatchObject({
      cacheWrite5mTokens: 2,
      cacheWrite1hTokens: 5,
    })
  })

  test('that broke off has its input, and no output that was counted: the first token is not the last', () => {
    expect(readAll(start(begun), text)).toMatchObject({
      usage: { inputTokens: 9, cacheReadTokens: 3, cacheWrite5mTokens: 5 },
      deliveredBytes: 5,
      finishReason: null,
    })
    expect(readAll(start(begun), text).usage).not.toHaveProperty('outputTokens')
  })

  test('keeps a report when a later one cannot be true, or begins it again', () => {
    const known = { inputTokens: 9, cacheReadTokens: 3, cacheWrite5mTokens: 5, outputTokens: 8 }
    for (const later of [end({ output_tokens: -1 }), end(null), end('x'), start(begun)]) {
      expect(readAll(start(begun), end({ output_tokens: 8 }), later).usage).toEqual(known)
    }
    expect(readAll(start({ ...begun, input_tokens: -5 }), end({ output_tokens: 8 })).usage).toBeNull()
  })

  test('counts every form of output once, and nothing the model did not write', () => {
    const signature = delta({ type: 'signature_delta', signature: 'x'.repeat(100) })
    const found = block({ type: 'web_search_tool_result', content: [{ title: 'x'.repeat(100) }] })
    const cited = delta({ type: 'citations_delta', citation: { cited_text: 'x'.repeat(100) } })
    const call = [
      block({ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }),
      delta({ type: 'input_json_delta', partial_json: '{"a":1}' }),
    ]
    expect(readAll(text, delta({ type: 'thinking_delta', thinking: 'ab' }), ...call, signature, found, cited).deliveredBytes).toBe(
      5 + 2 + 1 + 7,
    )
    expect(readAll(block({ type: 'redacted_thinking', data: 'abcd' })).deliveredBytes).toBe(4)
  })

  test('that errs has failed, whatever it said before', () => {
    expect(readAll(start(begun), text, { type: 'error', error: { type: 'overloaded_error', message: 'x' } })).toMatchObject({
      failed: true,
      deliveredBytes: 5,
    })
    expect(readAll({ type: 'error' }).failed).toBe(true)
    expect(readAll({ error: null }, { type: 'ping' }, { type: 'message_stop' })).toEqual(emptyReading())
  })
})

describe('a whole message', () => {
  const usage = { input_tokens: 3, output_tokens: 4 }

  test('is read at once', () => {
    const content = [
      { type: 'thinking', thinking: 'ab', signature: 'x' },
      { type: 'text', text: 'grün' },
      { type: 'tool_use', id: 'i', name: 'f', input: { a: 'bc' } },
    ]
    expect(readAll({ id: 'msg_1', type: 'message', content, stop_reason: 'tool_use', usage })).toEqual({
      usage: { inputTokens: 3, outputTokens: 4 },
      deliveredBytes: 2 + 5 + 1 + 2,
      finishReason: 'tool_use',
      failed: false,
      answerId: 'msg_1',
    })
  })

  test.each([
    ['content that is no list', { content: {} }],
    ['blocks that are no objects', { content: [null, 5, 'x'] }],
    ['an end that is a number', { stop_reason: 7 }],
    ['a message that is a text', { message: 'x' }],
    ['a delta that is a list', { delta: [] }],
    ['an id that is a number', { id: 7 }],
  ])('with %s still reports its usage and its error', (_, fields) => {
    expect(readAll({ ...fields, usage, error: { message: 'x' } })).toMatchObject({
      usage: { inputTokens: 3, outputTokens: 4 },
      failed: true,
    })
  })

  test.each([undefined, null, 'x', 5, [], Number.NaN])('that is %j tells nothing', (answer) => {
    expect(readAll(answer)).toEqual(emptyReading())
  })
})
