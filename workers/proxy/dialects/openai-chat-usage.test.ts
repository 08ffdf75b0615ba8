import { describe, expect, test } from 'vitest'
import { emptyReading, type Reading } from './dialect.ts'
import { isUsageChunk, readAnswer, readUsage } from './openai-chat-usage.ts'
import { parseData } from './stream-form.ts'

function readAll(...answers: unknown[]): Reading {
  const reading = emptyReading()
  for (const answer of answers) readAnswer(reading, answer)
  return reading
}
const delta = (fields: object) => ({ choices: [{ index: 0, delta: fields }] })

describe('reported usage', () => {
  test('is split into buckets that do not overlap', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 40,
      total_tokens: 140,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 25 },
    }
    expect(readUsage(usage)).toEqual({
      inputTokens: 30,
      cacheReadTokens: 60,
      cacheWrite5mTokens: 10,
      outputTokens: 40,
      reasoningTokens: 25,
    })
  })

  test('keeps what was not reported apart from what was reported as zero', () => {
    expect(readUsage({ prompt_tokens: 0, completion_tokens: 0 })).toEqual({ inputTokens: 0, outputTokens: 0 })
    expect(readUsage({ prompt_tokens: 5 })).toEqual({ inputTokens: 5 })
    const nulls = { completion_tokens: null, prompt_tokens_details: null, completion_tokens_details: { reasoning_tokens: null } }
    expect(readUsage({ prompt_tokens: 5, ...nulls })).toEqual({ inputTokens: 5 })
    expect(readUsage({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 0 } })).toEqual({ inputTokens: 5, cacheReadTokens: 0 })
    expect(readUsage({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 5 } })).toEqual({ inputTokens: 0, cacheReadTokens: 5 })
  })

  test.each(['"12"', '-1', '1e400', '1.5', 'null', '""', '[]', '{}', 'true', '1000000001', '9007199254740993'])(
    'with a prompt or completion of %s is not believed',
    (number) => {
      expect(readUsage(JSON.parse(`{"prompt_tokens":${number},"completion_tokens":1}`))).toBeNull()
      if (number !== 'null') expect(readUsage(JSON.parse(`{"prompt_tokens":1,"completion_tokens":${number}}`))).toBeNull()
      if (number !== 'null')
        expect(readUsage({ prompt_tokens: 1, prompt_tokens_details: { cached_tokens: JSON.parse(number) } })).toBeNull()
    },
  )

  test.each([null, undefined, '', 'x', 12, true, [], {}, { prompt_tokens: Number.NaN }, { completion_tokens: 5 }])(
    '%j is none',
    (usage) => {
      expect(readUsage(usage)).toBeNull()
    },
  )

  test('of more cached tokens than there are is not believed', () => {
    expect(readUsage({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 6 } })).toBeNull()
    expect(readUsage({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 3 } })).toBeNull()
  })
})

describe('an answer', () => {
  test('is read whole: text, calls, end and usage', () => {
    const message = { content: 'grün', refusal: null, tool_calls: [{ id: 'x', function: { name: 'f', arguments: '{"a":1}' } }] }
    const reading = readAll({ choices: [{ message, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 4 } })
    const told = { usage: { inputTokens: 3, outputTokens: 4 }, deliveredBytes: 5 + 1 + 7, finishReason: 'stop' }
    expect(reading).toEqual({ ...emptyReading(), ...told })
  })

  test('in chunks counts every form of output, reasoning once', () => {
    expect(readAll(delta({ content: 'ab' }), delta({ refusal: 'c' })).deliveredBytes).toBe(3)
    expect(readAll(delta({ reasoning: 'abc', reasoning_content: 'abc' })).deliveredBytes).toBe(3)
    expect(readAll(delta({ reasoning: 'abc' }), delta({ tool_calls: [{ function: { arguments: '{}' } }] })).deliveredBytes).toBe(5)
    expect(readAll(delta({ content: null }), delta({}), delta({ role: 'assistant', content: '' }), {}, { choices: [] })).toEqual(
      emptyReading(),
    )
    expect(readAll({ choices: [{ delta: { content: 'a' } }, { delta: { content: 'b' } }] }).deliveredBytes).toBe(2)
  })

  test('keeps the last usage, because usage is cumulative, and forgets none for a null', () => {
    const usages = [{ prompt_tokens: 9, completion_tokens: 1 }, { prompt_tokens: 9, completion_tokens: 8 }, null, { prompt_tokens: -1 }]
    expect(readAll(...usages.map((usage) => ({ choices: [], usage }))).usage).toEqual({ inputTokens: 9, outputTokens: 8 })
  })

  test('keeps what it knows when a later chunk has a choice without usage', () => {
    const known = { usage: { prompt_tokens: 9, completion_tokens: 8 } }
    expect(readAll(known, delta({ content: 'x' }), { choices: [{ usage: null }] }).usage).toEqual({ inputTokens: 9, outputTokens: 8 })
  })

  test('may carry its usage in a choice; usage at the top counts more', () => {
    const inChoice = { choices: [{ delta: {}, usage: { prompt_tokens: 1, completion_tokens: 2 } }] }
    expect(readAll(inChoice).usage).toEqual({ inputTokens: 1, outputTokens: 2 })
    expect(readAll({ ...inChoice, usage: { prompt_tokens: 3, completion_tokens: 4 } }).usage).toEqual({ inputTokens: 3, outputTokens: 4 })
    expect(readAll({ ...inChoice, usage: null }).usage).toEqual({ inputTokens: 1, outputTokens: 2 })
  })

  test('keeps the last end that was told, and an error once told', () => {
    const end = (finish_reason: unknown) => ({ choices: [{ delta: {}, finish_reason }] })
    expect(readAll(end('length'), end(null), end(undefined)).finishReason).toBe('length')
    expect(readAll({ error: { message: 'x' } }, delta({ content: 'a' })).failed).toBe(true)
    expect(readAll({ error: null, choices: [] }).failed).toBe(false)
  })

  test.each([
    ['text in parts', delta({ content: [{ type: 'text', text: 'hello' }] })],
    ['a call without a function', delta({ content: 'hello', tool_calls: [{ custom: {} }, null] })],
    ['calls that are no list', delta({ content: 'hello', tool_calls: {} })],
    ['an end that is a number', { choices: [{ delta: { content: 'hello' }, finish_reason: 7 }] }],
    ['choices of another kind', { choices: { 0: 'hello' } }],
    ['a choice that is null', { choices: [null, { delta: { content: 'hello' } }] }],
  ])('with %s still reports its usage and its error', (_, chunk) => {
    const reading = readAll({ ...chunk, usage: { prompt_tokens: 3, completion_tokens: 4 }, error: { message: 'x' } })
    expect(reading).toMatchObject({ usage: { inputTokens: 3, outputTokens: 4 }, failed: true })
    if (Array.isArray(chunk.choices)) expect(readAll(chunk).deliveredBytes).toBeGreaterThanOrEqual(5)
  })

  test.each([undefined, null, 'x', 5, [], [{ usage: { prompt_tokens: 1 } }], Number.NaN])('that is %j tells nothing', (answer) => {
    expect(readAll(answer)).toEqual(emptyReading())
  })
})

describe('the usage chunk', () => {
  const usage = '"usage":{"prompt_tokens":1,"completion_tokens":2}'

  test.each([
    ['as OpenAI sends it', `{"id":"x","choices":[],${usage}}`, true],
    ['with spaces', `{ "choices" : [ ] , ${usage} }`, true],
    ['with text in it', `{"choices":[{"delta":{"content":"x"}}],${usage}}`, false],
    ['without choices', `{${usage}}`, false],
    ['of a chunk before the last', '{"choices":[{"delta":{}}],"usage":null}', false],
    ['null beside no choice, as where a filter speaks first', '{"choices":[],"usage":null,"prompt_filter_results":[]}', false],
    ['beside an error, which must be shown', `{"error":{"message":"x"},"choices":[],${usage}}`, false],
    ['beside an error that is null', `{"error":null,"choices":[],${usage}}`, true],
    ['named in the text only', '{"choices":[],"x":"\\"usage\\""}', false],
    ['in the end mark', '[DONE]', false],
    ['in broken JSON', `{"choices":[],${usage}`, false],
  ])('%s: %s is left out: %s', (_, data, isLeftOut) => {
    expect(isUsageChunk(data)).toBe(isLeftOut)
  })
})

test('the end mark and what is not JSON are no chunk', () => {
  expect([parseData('[DONE]'), parseData(''), parseData('<html>'), parseData('{"a":')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect(parseData('{"a":1}')).toEqual({ a: 1 })
})

test('output nested without end is counted, not fatal', () => {
  const nested: unknown = JSON.parse(`${'['.repeat(100_000)}"hello"${']'.repeat(100_000)}`)
  expect(readAll(delta({ content: nested })).deliveredBytes).toBe(5)
})
