import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { messageBody, sendMessages } from '#workers/dev/upstream/anthropic/test-client.ts'
import { startUpstream, type Upstream } from '#workers/dev/upstream/server.ts'
import { costRewrite, withCost } from '../answer/cost-in-answer.ts'
import { type RelayedStream, relayStream } from '../answer/stream-answer.ts'
import { StreamMeter } from '../answer/stream-meter.ts'
import { streamTailBytes } from '../limits.ts'
import { platformGlobals, streamedAnswer } from '../testing/streamed-answer.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { emptyReading, type Reading } from './dialect.ts'
import { eventData } from './server-sent-events.ts'
import { parseData, type StreamForm, streamFormOf } from './stream-form.ts'

const encoder = new TextEncoder()
const events = assertForm(streamFormOf('events'))
let upstream: Upstream

beforeAll(async () => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
  upstream = await startUpstream({ port: 0 })
})
afterAll(async () => {
  vi.unstubAllGlobals()
  await upstream.close()
})

const lookUp = { name: 'look_up', input_schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] } }
const thinking = { type: 'enabled', budget_tokens: 1_024 }
const search = { type: 'web_search_20250305', name: 'web_search' }

function assertForm(form: StreamForm | null): StreamForm {
  if (form) return form
  throw new Error('Events have no form')
}

/** What the scripted upstream streams, and what a reader of all of it must know. */
const transcripts: [string, string, string, object, Partial<Reading>][] = [
  ['text', 'fast', '[tokens=9]', {}, { usage: { outputTokens: 9 }, finishReason: 'end_turn' }],
  ['long text', 'fast', '[tokens=200]', { max_tokens: 400 }, { usage: { outputTokens: 200 } }],
  ['thinking', 'fast', '[tokens=5][reasoning=7]', { max_tokens: 2_000, thinking }, { usage: { outputTokens: 12, reasoningTokens: 7 } }],
  ['a call of a tool', 'fast', '[tool]', { tools: [lookUp] }, { finishReason: 'tool_use' }],
  [
    'a cache',
    'fast',
    `${'word '.repeat(40)}[cached=20][written5m=10][written1h=5]`,
    {},
    { usage: { cacheReadTokens: 20, cacheWrite5mTokens: 10, cacheWrite1hTokens: 5, inputTokens: 9 } },
  ],
  ['searches', 'fast', '[tokens=5][searches=2]', { tools: [search] }, { usage: { webSearches: 2, outputTokens: 5 } }],
  ['usage told twice', 'usage-twice', '[tokens=8]', {}, { usage: { outputTokens: 8 } }],
  ['no usage', 'no-usage', '[tokens=8]', {}, { usage: null, finishReason: 'end_turn' }],
  ['absurd usage', 'absurd-usage', '[tokens=8]', {}, { usage: null }],
  ['lines that end in CR', 'cr', '[tokens=8]', {}, { usage: { outputTokens: 8 } }],
  ['comments', 'comments', '[tokens=8]', {}, { usage: { outputTokens: 8 } }],
  ['no last newline', 'no-last-newline', '[tokens=8]', {}, { usage: { outputTokens: 8 } }],
  ['an error in the middle', 'error-mid', '[tokens=9]', {}, { failed: true, finishReason: null }],
]

async function transcript(behaviour: string, text: string, fields: object): Promise<Uint8Array> {
  const body = messageBody(`scripted-${behaviour}`, text, { stream: true, ...fields })
  return encoder.encode((await sendMessages(upstream.url, { body })).text)
}

/** All of a stream's events, read one after another. */
function readWhole(bytes: Uint8Array): Reading {
  const reading = emptyReading()
  const splitter = events.newSplitter()
  for (const part of [...splitter.feed(bytes), splitter.pending]) {
    const data = eventData(part)
    if (data !== null) anthropicMessages.observe(reading, parseData(data))
  }
  return reading
}

/** A meter as the relay has it when the stream has ended: it was shown the events up to the first that tells something. */
function meterOf(pieces: Uint8Array[]): StreamMeter {
  const meter = new StreamMeter(anthropicMessages, events)
  const splitter = events.newSplitter()
  let hasBegun = false
  for (const piece of pieces) {
    meter.push(piece)
    for (const part of hasBegun ? [] : splitter.feed(piece)) {
      const data = eventData(part)
      if (data === null || hasBegun) continue
      meter.begin(parseData(data))
      hasBegun = !anthropicMessages.isPreliminary?.(parseData(data))
    }
  }
  return meter
}

function relay(pieces: Uint8Array[], rewrite: ReturnType<typeof costRewrite> | null, breaks = false): Promise<RelayedStream> {
  return relayStream(streamedAnswer(pieces, { breaks }), { dialect: anthropicMessages, form: events, rewrite })
}

describe.each(transcripts)('a stream with %s', (_, behaviour, text, fields, told) => {
  test('is read as it was meant, and the same from head and tail at every cut', async () => {
    const bytes = await transcript(behaviour, text, fields)
    const whole = readWhole(bytes)
    expect(whole).toMatchObject(told)
    // A long one at every seventh cut: it has as many places, and each takes a hundred times longer.
    for (let at = 1; at < bytes.length; at += bytes.length > 4 * streamTailBytes ? 7 : 1) {
      const { usage, finishReason, failed, deliveredBytes } = meterOf([bytes.subarray(0, at), bytes.subarray(at)]).finish()
      expect({ usage, finishReason, failed }).toEqual({ usage: whole.usage, finishReason: whole.finishReason, failed: whole.failed })
      if (whole.usage === null) expect(deliveredBytes).toBe(whole.deliveredBytes)
    }
  })

  test('arrives byte for byte at every cut', async () => {
    const bytes = await transcript(behaviour, text, fields)
    for (let at = 1; at < bytes.length; at += 61) {
      const { readable, meter, ended } = await relay([bytes.subarray(0, at), bytes.subarray(at)], null)
      expect(new Uint8Array(await new Response(readable).arrayBuffer())).toEqual(bytes)
      expect(await ended).toBe('completed')
      expect(meter.finish().usage).toEqual(readWhole(bytes).usage)
    }
  }, 60_000)
})

test('the long transcript is longer than the tail', async () => {
  expect((await transcript('fast', '[tokens=200]', { max_tokens: 400 })).length).toBeGreaterThan(4 * streamTailBytes)
})

test('a stream that begins with an error is refused, also behind a ping', async () => {
  const ping = encoder.encode('event: ping\ndata: {"type":"ping"}\n\n')
  const error = await transcript('error-first', 'hi', {})
  for (const pieces of [[error], [ping, error]]) await expect(relay(pieces, null)).rejects.toMatchObject({ facts: { mayMoveOn: true } })
})

test('a stream that is cut ends in an error event and has its input only', async () => {
  const bytes = await transcript('fast', '[tokens=9]', {})
  const { readable, meter, ended } = await relay([bytes.subarray(0, 900)], null, true)
  const received = await new Response(readable).text()
  expect(received.slice(received.lastIndexOf('event: '))).toMatch(
    /^event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":".+"\}\}\n\n$/,
  )
  expect(await ended).toBe('broken')
  expect(meter.finish().usage).toMatchObject({ inputTokens: 4 })
  expect(meter.finish().usage).not.toHaveProperty('outputTokens')
})

describe('the cost', () => {
  const cost = (reading: Reading) => `${reading.usage?.outputTokens}`

  test('stands in the last usage of a stream, under its name, and nowhere else', async () => {
    const bytes = await transcript('fast', '[tokens=9]', {})
    const { readable } = await relay([bytes], costRewrite(anthropicMessages, events, null, cost))
    const received = await new Response(readable).text()
    expect(received.replace('"cost_usd":"9",', '')).toBe(new TextDecoder().decode(bytes))
    const [, last] = received.split('event: message_delta\n')
    expect(JSON.parse(last?.split('\n')[0]?.slice('data: '.length) ?? '')).toMatchObject({ usage: { cost_usd: '9', output_tokens: 9 } })
  })

  test('stands in a whole message beside its usage', async () => {
    const { text } = await sendMessages(upstream.url, { body: messageBody('scripted-fast', '[tokens=9]') })
    const shown: unknown = JSON.parse(new TextDecoder().decode(withCost(encoder.encode(text), anthropicMessages, '0.5')))
    const plain = JSON.parse(text)
    expect(shown).toEqual({ ...plain, usage: { ...plain.usage, cost_usd: '0.5' } })
  })
})
