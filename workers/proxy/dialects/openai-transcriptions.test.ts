import { describe, expect, test } from 'vitest'
import { mostAudioTokensPerSecond } from '../limits.ts'
import { incomingForm, refusalOf } from '../testing/incoming.ts'
import { openaiTranscriptions } from './openai-transcriptions.ts'

const sound = new File([new Uint8Array(7_501)], 'talk.mp3', { type: 'audio/mpeg' })
type Entry = [string, string | File]
const form = (...entries: Entry[]) => incomingForm([['file', sound], ['model', 'm'], ...entries])
const read = async (...entries: Entry[]) => openaiTranscriptions.read(await form(...entries))

describe('a request for a transcription', () => {
  test('is bounded by the longest sound that its file can hold', async () => {
    const call = await read(['prompt', 'grün'])
    const textBytes = 'file'.length + 'modelm'.length + 'prompt'.length + 5
    expect(call).toMatchObject({
      bodyBytes: textBytes,
      inputTokensBound: textBytes + 11 * mostAudioTokensPerSecond,
      uncountedTokens: 11 * mostAudioTokensPerSecond,
      extras: { audio: true, audioMs: 11_000 },
      maxOutputTokens: null,
    })
  })

  test('is estimated by how long its words take to say', async () => {
    expect((await read()).estimate?.({ inputTokens: 2, outputTokens: 100 })).toEqual({
      inputTokens: 2,
      inputAudioTokens: 510,
      audioMs: 30_000,
      outputTokens: 100,
    })
  })

  test.each([
    [[], 'json'],
    [[['stream', 'false']], 'json'],
    [[['stream', 'true']], 'events'],
    [[['response_format', 'verbose_json']], 'json'],
    [[['response_format', 'diarized_json']], 'json'],
  ] satisfies [Entry[], string][])('with %j is answered in %s', async (entries, answer) => {
    expect((await read(...entries)).answer).toBe(answer)
  })

  test('goes on as it was, but for the model and relay', async () => {
    const call = await read(['relay', '{"usage":true}'], ['include[]', 'logprobs'])
    const { body } = openaiTranscriptions.ask(call, 'u')
    const entries = body instanceof FormData ? [...body] : []
    expect(call.relay).toEqual({ usage: true })
    expect(entries.map(([name, value]) => [name, typeof value === 'string' ? value : value.size])).toEqual([
      ['file', 7_501],
      ['model', 'u'],
      ['include[]', 'logprobs'],
    ])
  })

  test.each(['text', 'srt', 'vtt'])('as %s is refused: it reports no usage, and is told what does', async (format) => {
    const refusal = await refusalOf(openaiTranscriptions, await form(['response_format', format]))
    expect(refusal).toMatchObject({ status: 400, details: { param: 'response_format' } })
    expect(refusal.message).toContain('json, verbose_json and diarized_json')
  })

  test.each<[string, Entry[], string]>([
    ['no file', [['model', 'm']], 'file'],
    [
      'a text for a file',
      [
        ['file', 'x'],
        ['model', 'm'],
      ],
      'file',
    ],
    [
      'a file of another name',
      [
        ['audio', sound],
        ['model', 'm'],
      ],
      'file',
    ],
    [
      'two files',
      [
        ['file', sound],
        ['file', sound],
        ['model', 'm'],
      ],
      'file',
    ],
    [
      'a second file',
      [
        ['file', sound],
        ['other', sound],
        ['model', 'm'],
      ],
      'file',
    ],
    ['no model', [['file', sound]], 'model'],
    [
      'a stream of maybe',
      [
        ['file', sound],
        ['model', 'm'],
        ['stream', 'maybe'],
      ],
      'stream',
    ],
  ])('with %s is refused', async (_, entries, param) => {
    expect(await refusalOf(openaiTranscriptions, await incomingForm(entries))).toMatchObject({ status: 400, details: { param } })
  })
})
