import { describe, expect, test } from 'vitest'
import { emptyReading, type Reading } from './dialect.ts'
import { readAnswer, readUsage } from './openai-responses-usage.ts'

function readAll(...answers: unknown[]): Reading {
  const reading = emptyReading()
  for (const answer of answers) readAnswer(reading, answer)
  return reading
}

const reported = { input_tokens: 9, output_tokens: 4 }
const counted = { inputTokens: 9, outputTokens: 4 }
const ended = (type: string, response: object) => ({
  type: `response.${type}`,
  response: { id: 'resp_1', status: type, output: [], ...response },
})
const message = (text: string) => ({ type: 'message', content: [{ type: 'output_text', text }] })

describe('reported usage', () => {
  test('is split into buckets that do not overlap', () => {
    const usage = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
      output_tokens: 40,
      output_tokens_details: { reasoning_tokens: 25 },
      total_tokens: 140,
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
    expect(readUsage({ input_tokens: 0, output_tokens: 0 })).toEqual({ inputTokens: 0, outputTokens: 0 })
    expect(readUsage({ input_tokens: 5, output_tokens: null, input_tokens_details: null })).toEqual({ inputTokens: 5 })
    expect(readUsage({ input_tokens: 5, input_tokens_details: { cached_tokens: 0 } })).toEqual({ inputTokens: 5, cacheReadTokens: 0 })
  })

  test.each(['"12"', '-1', '1e400', '1.5', '""', '[]', '{}', 'true', '1000000001'])('with a count of %s is not believed', (number) => {
    expect(readUsage(JSON.parse(`{"input_tokens":${number},"output_tokens":1}`))).toBeNull()
    expect(readUsage(JSON.parse(`{"input_tokens":1,"output_tokens":${number}}`))).toBeNull()
    expect(readUsage(JSON.parse(`{"input_tokens":1,"input_tokens_details":{"cached_tokens":${number}}}`))).toBeNull()
  })

  test.each([null, undefined, '', 5, [], {}, { output_tokens: 5 }, { input_tokens: 5, input_tokens_details: { cached_tokens: 6 } }])(
    '%j is none',
    (usage) => {
      expect(readUsage(usage)).toBeNull()
    },
  )
})

describe('a response', () => {
  test('is read whole: its id, what it says, its end and usage', () => {
    const output = [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'abc' }], encrypted_content: 'not counted' },
      {
        type: 'message',
        content: [
          { type: 'output_text', text: 'grün' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      { type: 'function_call', arguments: '{"a":1}' },
      { type: 'custom_tool_call', input: 'xy' },
    ]
    const whole = { id: 'resp_1', object: 'response', status: 'completed', error: null, output, usage: reported }
    const reading = { usage: counted, deliveredBytes: 3 + 5 + 2 + 7 + 2, finishReason: 'completed', failed: false, answerId: 'resp_1' }
    expect(readAll(whole)).toEqual(reading)
  })

  test('in events counts each text once, though it is said again when it is done', () => {
    const deltas = [
      'output_text',
      'refusal',
      'reasoning_summary_text',
      'reasoning_text',
      'function_call_arguments',
      'custom_tool_call_input',
    ]
    for (const kind of deltas)
      expect(readAll({ type: `response.${kind}.delta`, delta: 'grün', obfuscation: 'xxxxx' }).deliveredBytes).toBe(5)
    const said = [
      { type: 'response.output_text.delta', delta: 'hel' },
      { type: 'response.output_text.delta', delta: 'lo' },
      { type: 'response.output_text.done', text: 'hello' },
      { type: 'response.content_part.done', part: { type: 'output_text', text: 'hello' } },
      { type: 'response.output_item.done', item: message('hello') },
      ended('completed', { output: [message('hello')], usage: reported }),
    ]
    expect(readAll(...said).deliveredBytes).toBe(5)
    expect(readAll(...said.slice(-1)).deliveredBytes).toBe(5)
  })

  test.each([
    ['completed', 'completed', false],
    ['incomplete', 'incomplete', false],
    ['failed', 'error', true],
    ['cancelled', 'error', false],
  ])('that is %s tells its usage all the same', (type, finishReason, failed) => {
    expect(readAll(ended(type, { usage: reported }))).toMatchObject({ usage: counted, finishReason, failed })
  })

  test('that failed early has no usage, and keeps what was told before', () => {
    const failure = ended('failed', { error: { code: 'server_error', message: 'x' }, usage: null })
    expect(readAll(failure)).toMatchObject({ usage: null, failed: true, finishReason: 'error' })
    expect(readAll(ended('in_progress', { usage: { ...reported, output_tokens: 1 } }), failure).usage).toEqual({
      ...counted,
      outputTokens: 1,
    })
    expect(
      readAll(ended('in_progress', { usage: { ...reported, output_tokens: 1 } }), ended('completed', { usage: reported })).usage,
    ).toEqual(counted)
  })

  test.each([
    ['an error event', { type: 'error', code: 'server_error', message: 'x', param: null }],
    ['an error without a type', { error: { message: 'x' } }],
    ['a response with an error', { type: 'response.in_progress', response: { error: { message: 'x' } } }],
  ])('has failed by %s', (_, event) => {
    expect(readAll(event).failed).toBe(true)
  })

  test('is known by its id from its first event on, and its events by their numbers', () => {
    const begun = {
      type: 'response.created',
      sequence_number: 0,
      response: { id: 'resp_1', status: 'in_progress', error: null, output: [] },
    }
    expect(readAll(begun)).toEqual({ ...emptyReading(), answerId: 'resp_1', lastNumber: 0 })
    expect(readAll(begun, { type: 'error', sequence_number: 7 })).toMatchObject({ answerId: 'resp_1', lastNumber: 7 })
  })

  test('counts its searches of the web, and not what it did with their results', () => {
    const call = (type?: string) => ({ type: 'web_search_call', status: 'completed', ...(type && { action: { type } }) })
    const output = [call('search'), call(), call('open_page'), call('find_in_page'), message('x')]
    expect(readAll(ended('completed', { output, usage: reported })).usage).toEqual({ ...counted, webSearches: 2 })
    expect(readAll(ended('completed', { output, usage: null })).usage).toBeNull()
  })

  test.each([
    ['output that is no list', { output: 'hello' }],
    ['items of another kind', { output: [null, 5, { content: {} }, { type: 'web_search_call', action: { type: { toString: null } } }] }],
    ['a status that is a number', { status: 5 }],
    ['an id that is a number', { id: 5 }],
  ])('with %s still reports its usage', (_, odd) => {
    expect(readAll(ended('completed', { usage: reported, ...odd })).usage).toMatchObject(counted)
  })

  test.each([undefined, null, 'x', 5, [], {}, { type: 5 }, { type: 'response.unheard_of' }])('that is %j tells nothing', (value) => {
    expect(readAll(value)).toEqual(emptyReading())
  })

  test('nested without end is counted, not fatal', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}"hello"${']'.repeat(100_000)}`)
    expect(readAll({ type: 'response.output_text.delta', delta: deep }).deliveredBytes).toBe(5)
  })
})
