import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Usage } from '#shared/pricing/usage.ts'
import { costRewrite } from '../answer/cost-in-answer.ts'
import { relayStream } from '../answer/stream-answer.ts'
import { StreamMeter } from '../answer/stream-meter.ts'
import { streamTailBytes } from '../limits.ts'
import { platformGlobals, streamedAnswer } from '../testing/streamed-answer.ts'
import { openaiResponses } from './openai-responses.ts'
import { streamFormOf } from './stream-form.ts'

beforeAll(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
})
afterAll(() => {
  vi.unstubAllGlobals()
})

const form = streamFormOf('events')
if (!form) throw new Error('responses are streamed as events')
const plan = { dialect: openaiResponses, form, rewrite: null }
const encoder = new TextEncoder()

interface Said {
  type: string
  [member: string]: unknown
}

/** The events of a stream as OpenAI numbers and writes them. */
function written(events: Said[]): string {
  return events
    .map(({ type, ...members }, at) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: at, ...members })}\n\n`)
    .join('')
}

const usage = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
  output_tokens: 4,
  output_tokens_details: { reasoning_tokens: 1 },
  total_tokens: 13,
}
const counted: Usage = { inputTokens: 7, cacheReadTokens: 2, cacheWrite5mTokens: 0, outputTokens: 4, reasoningTokens: 1 }
const response = (members: object) => ({ id: 'resp_1', object: 'response', model: 'm', error: null, output: [], usage: null, ...members })
const begun: Said[] = ['created', 'in_progress'].map((type) => ({
  type: `response.${type}`,
  response: response({ status: 'in_progress', instructions: 'bleib grün' }),
}))
const last = (type: string, members: object): Said => ({
  type: `response.${type}`,
  response: response({ status: type, usage, ...members }),
})

const spoken = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'grün', annotations: [] }],
}
const inText = { item_id: 'msg_1', output_index: 0, content_index: 0 }
const speech: Said[] = [
  { type: 'response.output_item.added', output_index: 0, item: { ...spoken, status: 'in_progress', content: [] } },
  { type: 'response.content_part.added', ...inText, part: { type: 'output_text', text: '', annotations: [] } },
  { type: 'response.output_text.delta', ...inText, delta: 'gr', logprobs: [], obfuscation: 'x9' },
  { type: 'response.output_text.delta', ...inText, delta: 'ün', logprobs: [], obfuscation: '' },
  { type: 'response.output_text.done', ...inText, text: 'grün', logprobs: [] },
  { type: 'response.content_part.done', ...inText, part: spoken.content[0] },
  { type: 'response.output_item.done', output_index: 0, item: spoken },
]
const called = { id: 'fc_1', type: 'function_call', call_id: 'c', name: 'f', arguments: '{"a":1}', status: 'completed' }
const call: Said[] = [
  { type: 'response.output_item.added', output_index: 0, item: { ...called, arguments: '' } },
  { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 0, delta: '{"a":1}' },
  { type: 'response.function_call_arguments.done', item_id: 'fc_1', output_index: 0, name: 'f', arguments: '{"a":1}' },
  { type: 'response.output_item.done', output_index: 0, item: called },
]
const thought = { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'c2VjcmV0' }
const thinking: Said[] = [
  { type: 'response.output_item.added', output_index: 0, item: { ...thought, summary: [] } },
  { type: 'response.reasoning_summary_text.delta', item_id: 'rs_1', output_index: 0, summary_index: 0, delta: 'hm' },
  { type: 'response.reasoning_summary_text.done', item_id: 'rs_1', output_index: 0, summary_index: 0, text: 'hm' },
  { type: 'response.output_item.done', output_index: 0, item: thought },
]
const failure = { code: 'server_error', message: 'x' }
const whole = { usage: counted, failed: false, answerId: 'resp_1' }

const transcripts: [string, Said[], object][] = [
  ['of text', [...begun, ...speech, last('completed', { output: [spoken] })], { ...whole, deliveredBytes: 5, finishReason: 'completed' }],
  ['of a call', [...begun, ...call, last('completed', { output: [called] })], { ...whole, deliveredBytes: 7, finishReason: 'completed' }],
  [
    'of reasoning',
    [...begun, ...thinking, last('incomplete', { output: [thought] })],
    { ...whole, deliveredBytes: 2, finishReason: 'incomplete' },
  ],
  [
    'that failed with usage',
    [...begun, ...speech, last('failed', { error: failure })],
    { ...whole, deliveredBytes: 5, failed: true, finishReason: 'error' },
  ],
  [
    'that failed without',
    [...begun, ...speech, last('failed', { error: failure, usage: null })],
    { ...whole, usage: null, deliveredBytes: 5, failed: true, finishReason: 'error' },
  ],
  [
    'that ended in an error',
    [...begun, ...speech, { type: 'error', ...failure, param: null }],
    { ...whole, usage: null, deliveredBytes: 5, failed: true, finishReason: null },
  ],
]

async function relayed(pieces: Uint8Array[], rewrite: Parameters<typeof relayStream>[1]['rewrite'] = null, breaks = false) {
  const { readable, meter, ended } = await relayStream(streamedAnswer(pieces, { breaks }), { ...plan, rewrite })
  const text = await new Response(readable).text()
  return { text, end: await ended, reading: meter.finish() }
}

describe.each(transcripts)('a stream %s', (_, events, reading) => {
  const text = written(events)
  const bytes = encoder.encode(text)

  test('arrives byte for byte at every cut, and is metered', async () => {
    for (let at = 1; at < bytes.length; at += 13) {
      const arrived = await relayed([bytes.slice(0, at), bytes.slice(at)])
      expect(arrived).toEqual({ text, end: 'completed', reading: { ...reading, lastNumber: events.length - 1 } })
    }
  }, 60_000)

  test('shows its cost beside its usage and nothing else changed, at every cut', async () => {
    const rewrite = costRewrite(openaiResponses, plan.form, null, (told) => `for ${told.usage?.outputTokens}`)
    const shown = text.replace('"usage":{', '"usage":{"cost_usd":"for 4",')
    for (let at = 1; at < bytes.length; at += 31) {
      expect((await relayed([bytes.slice(0, at), bytes.slice(at)], rewrite)).text).toBe(shown)
    }
  }, 60_000)

  test('is read from its beginning and end as from the whole, however long its last event is', () => {
    for (const padding of [0, streamTailBytes, 3 * streamTailBytes]) {
      const padded = encoder.encode(
        written([...events.slice(0, -1), { ...events.at(-1), type: String(events.at(-1)?.type), padding: 'x'.repeat(padding) }]),
      )
      const [quick, slow] = [new StreamMeter(openaiResponses, plan.form), new StreamMeter(openaiResponses, plan.form)]
      quick.push(padded)
      for (const event of events.slice(0, 3)) quick.begin(event)
      slow.push(padded)
      slow.progress()
      expect(quick.finish()).toEqual(slow.finish())
      expect(slow.finish()).toMatchObject(reading)
    }
  })
})

test.each([
  ['an error', [{ type: 'error', ...failure, param: null }]],
  ['a failure once it was created', [...begun, last('failed', { error: failure, usage: null })]],
])('a stream that begins with %s may be tried elsewhere', async (_, events) => {
  await expect(relayStream(streamedAnswer([encoder.encode(written(events))]), plan)).rejects.toMatchObject({ facts: { mayMoveOn: true } })
})

describe('a stream that is cut', () => {
  const cut = encoder.encode(written([...begun, ...speech.slice(0, 3)]))

  /** What the official client makes of a relayed stream. */
  function clientOf(text: string): OpenAI {
    const answer = () => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
    return new OpenAI({ apiKey: 'sk-test', fetch: async () => answer(), maxRetries: 0 })
  }

  test('ends in response.failed with the id and the next number of what was begun', async () => {
    const { text, end, reading } = await relayed([cut, encoder.encode('event: response.outp')], null, true)
    expect(end).toBe('broken')
    expect(reading).toMatchObject({ usage: null, deliveredBytes: 2 })
    const data = text.trim().split('\n').at(-1) ?? ''
    expect(JSON.parse(data.slice('data: '.length))).toMatchObject({
      type: 'response.failed',
      sequence_number: 5,
      response: { id: 'resp_1', status: 'failed', error: { code: 'server_error' }, usage: null },
    })
  })

  // Where the bytes are piped natively half an event has gone out, which a client can only find broken.
  test.each([
    ['between events', cut, null],
    ['within an event that is looked at', cut.slice(0, -9), costRewrite(openaiResponses, plan.form, null, () => '0')],
  ])('%s gives the official client a failed response and no exception', async (_, piece, rewrite) => {
    const { text } = await relayed([piece], rewrite, true)
    const final = await clientOf(text).responses.stream({ model: 'm', input: 'hi' }).finalResponse()
    expect(final).toMatchObject({ id: 'resp_1', status: 'failed', error: { code: 'server_error' } })
    const types: string[] = []
    for await (const event of await clientOf(text).responses.create({ model: 'm', input: 'hi', stream: true })) types.push(event.type)
    expect(types.at(-1)).toBe('response.failed')
  })
})
