import { describe, expect, test } from 'vitest'
import { incomingJson, refusalOf } from '../testing/incoming.ts'
import { emptyReading, type Reading } from './dialect.ts'
import { openaiSpeech } from './openai-speech.ts'

const least = { model: 'm', input: 'Grüße 👍🏽', voice: 'ash' }
const read = async (fields: object = {}) => openaiSpeech.read(incomingJson({ ...least, ...fields }))

function readAll(...events: unknown[]): Reading {
  const reading = emptyReading()
  for (const event of events) openaiSpeech.observe(reading, event)
  return reading
}

describe('a request for speech', () => {
  test('tells its characters: code points, neither bytes nor units of UTF-16', async () => {
    expect(await read()).toMatchObject({ toldUsage: { characters: 8 }, extras: { characters: 8, audio: true } })
  })

  test.each([[undefined], [null], ['audio']])(
    'as plain audio (%s) is sold by the character only, and holds for nothing else',
    async (stream_format) => {
      expect(await read({ stream_format })).toMatchObject({
        answer: 'media',
        requires: ['characterPicos'],
        inputTokensBound: 0,
        maxOutputTokens: 0,
      })
    },
  )

  test('as events may be sold by tokens, and holds for all that the model can say', async () => {
    const call = await read({ stream_format: 'sse' })
    expect(call).toMatchObject({ answer: 'events', requires: [], inputTokensBound: call.bodyBytes, maxOutputTokens: null })
    expect(call.estimate?.({ inputTokens: 2, outputTokens: 9 })).toEqual({ inputTokens: 2, outputTokens: 0, outputAudioTokens: 9 })
  })

  test('goes on as it was written, but for the model and relay', async () => {
    const call = await openaiSpeech.read(incomingJson('{"input":"x","relay":{},"speed": 1.50,"model":"m"}'))
    expect(openaiSpeech.ask(call, 'u').body).toBe('{"input":"x","speed": 1.50,"model":"u"}')
  })

  test.each([
    ['input', { input: '' }],
    ['input', { input: ['x'] }],
    ['stream_format', { stream_format: 'websocket' }],
  ])('is refused, naming %s, with %j', async (param, fields) => {
    expect(await refusalOf(openaiSpeech, incomingJson({ ...least, ...fields }))).toMatchObject({ status: 400, details: { param } })
  })
})

describe('speech in events', () => {
  const delta = { type: 'speech.audio.delta', audio: 'A'.repeat(1_024) }

  test('reports tokens of sound in the end', () => {
    const usage = { input_tokens: 14, output_tokens: 101, total_tokens: 115 }
    expect(readAll(delta, { type: 'speech.audio.done', usage })).toMatchObject({
      usage: { inputTokens: 14, outputTokens: 0, outputAudioTokens: 101 },
      finishReason: 'stop',
    })
  })

  test('is estimated with a token for each kilobyte', () => {
    expect(readAll(delta, delta, { type: 'speech.audio.delta', audio: '' })).toMatchObject({
      deliveredBytes: 8,
      usage: null,
      finishReason: null,
    })
  })

  test.each(['"12"', '-1', '1e400', '1.5', 'null'])('with a count of %s reports none', (count) => {
    expect(readAll(JSON.parse(`{"type":"speech.audio.done","usage":{"input_tokens":${count},"output_tokens":1}}`)).usage).toBeNull()
    expect(readAll(JSON.parse(`{"type":"speech.audio.done","usage":{"input_tokens":1,"output_tokens":${count}}}`)).usage).toBeNull()
  })

  test('that is an error has failed', () => {
    expect(readAll({ type: 'error', error: { message: 'x' } })).toMatchObject({ failed: true, deliveredBytes: 0 })
    for (const event of [null, 'x', [], { audio: 5 }]) expect(readAll(event)).toEqual(emptyReading())
  })
})
