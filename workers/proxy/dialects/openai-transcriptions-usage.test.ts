import { describe, expect, test } from 'vitest'
import { emptyReading, type Reading } from './dialect.ts'
import { readTranscript, readTranscriptUsage } from './openai-transcriptions-usage.ts'

function readAll(...answers: unknown[]): Reading {
  const reading = emptyReading()
  for (const answer of answers) readTranscript(reading, answer)
  return reading
}

const counted = { type: 'tokens', input_tokens: 50, output_tokens: 9, total_tokens: 59 }
const details = { text_tokens: 8, audio_tokens: 42 }

describe('reported usage of a transcription', () => {
  test.each([
    [9, 9_000],
    [8.470_002, 8_471],
    [30.1, 30_100],
    [0.0001, 1],
    [0, 0],
  ])('of %s seconds is %i milliseconds, never less', (seconds, audioMs) => {
    expect(readTranscriptUsage({ type: 'duration', seconds })).toEqual({ audioMs, outputTokens: 0 })
  })

  test('in tokens keeps sound apart from text', () => {
    expect(readTranscriptUsage({ ...counted, input_token_details: details })).toEqual({
      inputTokens: 8,
      inputAudioTokens: 42,
      outputTokens: 9,
    })
    expect(readTranscriptUsage({ ...counted, input_token_details: { audio_tokens: 42 } })).toMatchObject({
      inputTokens: 8,
      inputAudioTokens: 42,
    })
    expect(readTranscriptUsage({ ...counted, input_token_details: { text_tokens: 8 } })).toMatchObject({
      inputTokens: 8,
      inputAudioTokens: 42,
    })
    expect(readTranscriptUsage(counted)).toEqual({ inputTokens: 0, inputAudioTokens: 50, outputTokens: 9 })
  })

  test.each(['"12"', '-1', '1e400', '1e15', 'null'])('with a count of %s is not believed', (count) => {
    expect(readTranscriptUsage(JSON.parse(`{"seconds":${count}}`))).toBeNull()
    expect(readTranscriptUsage(JSON.parse(`{"input_tokens":${count},"output_tokens":1}`))).toBeNull()
    expect(readTranscriptUsage(JSON.parse(`{"input_tokens":1,"output_tokens":${count}}`))).toBeNull()
  })

  test('with half a token, or more sound than there is input, is not believed', () => {
    expect(readTranscriptUsage({ ...counted, output_tokens: 1.5 })).toBeNull()
    expect(readTranscriptUsage({ ...counted, input_token_details: { audio_tokens: 51 } })).toBeNull()
    expect(readTranscriptUsage({ ...counted, input_token_details: { text_tokens: 51 } })).toBeNull()
  })
})

describe('a transcript', () => {
  test('is read whole: text, end and usage', () => {
    expect(readAll({ text: 'grün', usage: { ...counted, input_token_details: details } })).toMatchObject({
      usage: { inputTokens: 8, inputAudioTokens: 42, outputTokens: 9 },
      deliveredBytes: 5,
      finishReason: 'stop',
    })
  })

  test('of silence has ended as it should', () => {
    expect(readAll({ text: '', usage: { seconds: 3 } })).toMatchObject({
      deliveredBytes: 0,
      finishReason: 'stop',
      usage: { audioMs: 3_000 },
    })
  })

  test('counts what its events say once, though the last one repeats it', () => {
    const events = ['gr', 'ün'].map((delta) => ({ type: 'transcript.text.delta', delta }))
    const segment = { type: 'transcript.text.segment', text: 'gr' }
    expect(readAll(...events, segment)).toMatchObject({ deliveredBytes: 5, usage: null })
    expect(readAll(segment).deliveredBytes).toBe(2)
    expect(readAll(...events, { type: 'transcript.text.done', text: 'grün', usage: counted })).toMatchObject({
      deliveredBytes: 5,
      finishReason: 'stop',
      usage: { inputAudioTokens: 50 },
    })
  })

  test('tells its length where it reports no usage, and only there', () => {
    expect(readAll({ text: 'x', duration: 8.47 }).usage).toEqual({ audioMs: 8_470, outputTokens: 0 })
    expect(readAll({ text: 'x', duration: 8.47, usage: { type: 'duration', seconds: 9 } }).usage).toEqual({
      audioMs: 9_000,
      outputTokens: 0,
    })
    expect(readAll({ text: 'x', duration: '8.47' }).usage).toBeNull()
  })

  test('that is an error has failed', () => {
    expect(readAll({ error: { message: 'x' } })).toMatchObject({ failed: true, usage: null })
    for (const answer of [null, undefined, 'x', 5, [], { text: 5 }]) expect(readAll(answer)).toEqual(emptyReading())
  })
})
