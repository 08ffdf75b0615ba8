import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type TruthRecord, type Upstream } from '../server.ts'
import { endedRecord, type RawAnswer, send, sendForm, testKey } from '../test-client.ts'

let upstream: Upstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = new OpenAI({ apiKey: testKey, baseURL: `${upstream.url}/openai/v1`, maxRetries: 0 })
})
afterAll(() => upstream.close())

const model = 'scripted-fast'
const lastRecord = (): TruthRecord | undefined => upstream.records().at(-1)
const png = (): Promise<File> => toFile(Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'a.png', { type: 'image/png' })
const sound = (name = 'talk.mp3', size = 250): Promise<File> => toFile(Buffer.alloc(size, 7), name, { type: 'audio/mpeg' })

describe('images', () => {
  test('are drawn with usage, the same for the same prompt', async () => {
    const request = {
      model,
      prompt: 'a red fox [tokens=40]',
      n: 2,
      size: '1024x1536',
      quality: 'high' as const,
      output_format: 'png' as const,
    }
    const answer = await client.images.generate(request)
    expect(answer).toMatchObject({ size: '1024x1536', quality: 'high', background: 'opaque', output_format: 'png' })
    expect(answer.usage).toEqual({
      input_tokens: 7,
      input_tokens_details: { text_tokens: 7, image_tokens: 0 },
      output_tokens: 80,
      total_tokens: 87,
    })
    const [first, second] = answer.data ?? []
    expect(
      Buffer.from(first?.b64_json ?? '', 'base64')
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG')
    expect(first?.b64_json).not.toBe(second?.b64_json)
    expect((await client.images.generate(request)).data).toEqual(answer.data)
    expect(lastRecord()).toMatchObject({ promptTokens: 7, completionTokensGenerated: 80, usageReported: answer.usage, stream: false })
  })

  test('come in parts when streamed, each part of 100 tokens', async () => {
    const stream = await client.images.generate({ model, prompt: 'fox [tokens=5]', stream: true, partial_images: 2 })
    const events: OpenAI.ImageGenStreamEvent[] = []
    for await (const event of stream) events.push(event)
    expect(events.map(({ type }) => type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ])
    expect(events.at(-1)).toMatchObject({ usage: { output_tokens: 205 } })
    expect(lastRecord()).toMatchObject({ stream: true, completionTokensSent: 205, usageReported: { output_tokens: 205 } })
  })

  test.each([1, 2])('are edited from %i files and a mask', async (count) => {
    const files = await Promise.all(Array.from({ length: count }, png))
    const image = count === 1 ? await png() : files
    const request = { model, image, prompt: 'a hat [tokens=6]', mask: await png(), n: 1, input_fidelity: 'high' as const }
    const answer = await client.images.edit(request)
    expect(answer.usage).toMatchObject({ input_tokens_details: { text_tokens: 6, image_tokens: 8 * count }, output_tokens: 6 })
    const types: string[] = []
    for await (const event of await client.images.edit({ ...request, stream: true, partial_images: 1 })) types.push(event.type)
    expect(types).toEqual(['image_edit.partial_image', 'image_edit.completed'])
  })
})

describe('speech', () => {
  const speech = { model, input: 'say this [tokens=4]', voice: 'alloy' }

  test.each([
    ['mp3', 'audio/mpeg'],
    ['wav', 'audio/wav'],
  ] as const)('is %s in chunks, and nothing is counted', async (response_format, type) => {
    const answer = await client.audio.speech.create({ ...speech, response_format })
    expect(answer.headers.get('content-type')).toBe(type)
    expect(answer.headers.get('transfer-encoding')).toBe('chunked')
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(bytes).toHaveLength(4 * 256)
    expect(Buffer.from(await (await client.audio.speech.create({ ...speech, response_format })).arrayBuffer())).toEqual(bytes)
    expect(lastRecord()).toMatchObject({
      promptTokens: 0,
      completionTokensGenerated: 0,
      usageReported: null,
      stream: false,
    })
  })

  test('is told as events with usage, the same sound', async () => {
    const whole = Buffer.from(await (await client.audio.speech.create(speech)).arrayBuffer())
    const { text } = await send(upstream.url, { path: '/openai/v1/audio/speech', body: { ...speech, stream_format: 'sse' } })
    const events = text.split('\n\n').flatMap((event) => (event === '' ? [] : [JSON.parse(event.slice('data: '.length))]))
    expect(events.map(({ type }) => type)).toEqual([...Array(4).fill('speech.audio.delta'), 'speech.audio.done'])
    expect(Buffer.concat(events.slice(0, 4).map(({ audio }) => Buffer.from(audio, 'base64')))).toEqual(whole)
    expect(events.at(-1).usage).toEqual({ input_tokens: 6, output_tokens: 4, total_tokens: 10 })
    expect(lastRecord()).toMatchObject({ promptTokens: 6, completionTokensSent: 4, stream: true })
  })
})

describe('transcriptions', () => {
  test('report tokens, or seconds for a file that names them', async () => {
    const answer = await client.audio.transcriptions.create({ file: await sound(), model, prompt: 'names: Ada [tokens=5]' })
    const usage = {
      type: 'tokens',
      input_tokens: 6,
      input_token_details: { text_tokens: 3, audio_tokens: 3 },
      output_tokens: 5,
      total_tokens: 11,
    }
    expect(answer.usage).toEqual(usage)
    expect(answer.text.split(' ')).toHaveLength(5)
    expect(lastRecord()).toMatchObject({ promptTokens: 6, completionTokensSent: 5, usageReported: usage })
    const timed = await client.audio.transcriptions.create({
      file: await sound('talk.seconds-75.mp3'),
      model,
      response_format: 'verbose_json',
    })
    expect(timed).toMatchObject({ duration: 75, usage: { type: 'duration', seconds: 75 }, segments: [{ end: 75 }] })
    expect(lastRecord()).toMatchObject({ promptTokens: 0, usageReported: { seconds: 75 } })
  })

  test('stream the same words, with usage at the end', async () => {
    const request = { file: await sound(), model, prompt: '[tokens=3]' }
    const whole = await client.audio.transcriptions.create(request)
    const events: OpenAI.Audio.TranscriptionStreamEvent[] = []
    for await (const event of await client.audio.transcriptions.create({ ...request, stream: true })) events.push(event)
    expect(events.map(({ type }) => type)).toEqual([...Array(3).fill('transcript.text.delta'), 'transcript.text.done'])
    expect(events.at(-1)).toMatchObject({ text: whole.text, usage: whole.usage })
  })

  test('come in every format and take every option', async () => {
    const file = await sound('talk.seconds-75.mp3')
    const base = { file, model, prompt: '[tokens=2]' }
    const { text } = await client.audio.transcriptions.create(base)
    const create = (response_format: OpenAI.AudioResponseFormat): Promise<unknown> =>
      client.audio.transcriptions.create({ ...base, response_format })
    expect(await create('text')).toBe(`${text}\n`)
    expect(await create('srt')).toContain(`00:00:00,000 --> 00:01:15,000\n${text}`)
    expect(await create('vtt')).toMatch(/^WEBVTT\n/)
    expect(await create('diarized_json')).toMatchObject({ segments: [{ speaker: 'A', text }] })
    const chunking_strategy = { type: 'server_vad' as const, threshold: 0.5 }
    const granular = {
      response_format: 'verbose_json' as const,
      timestamp_granularities: ['word' as const],
      include: ['logprobs' as const],
    }
    const words = await client.audio.transcriptions.create({ ...base, ...granular, chunking_strategy, language: 'en', temperature: 0 })
    expect(words).toMatchObject({ words: [{ start: 0 }, { end: 75 }] })
  })
})

test('moderations judge each text, or all parts together, and count nothing', async () => {
  const texts = await client.moderations.create({ model, input: ['mild', 'wild [flagged]'] })
  expect(texts.results).toMatchObject([{ flagged: false }, { flagged: true, categories: { violence: true, hate: false } }])
  const parts = await client.moderations.create({
    model,
    input: [
      { type: 'text', text: 'x' },
      { type: 'image_url', image_url: { url: 'u' } },
    ],
  })
  expect(parts.results).toHaveLength(1)
  expect(lastRecord()).toMatchObject({ promptTokens: 0, completionTokensGenerated: 0, usageReported: null })
})

test('a chat says how much of it was audio', async () => {
  const messages = [{ role: 'user' as const, content: 'one two [tokens=9] [audio-in=3] [audio-out=4]' }]
  const { usage } = await client.chat.completions.create({ model, messages })
  expect(usage?.prompt_tokens_details?.audio_tokens).toBe(3)
  expect(usage?.completion_tokens_details?.audio_tokens).toBe(4)
  expect(usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 9 })
})

describe('behaviours beyond text', () => {
  const play = async (path: string, name: string, more: Record<string, unknown>): Promise<{ answer: RawAnswer; record: TruthRecord }> => {
    const id = `${path}-${name}-${JSON.stringify(more)}`
    const body = { model: `scripted-${name}`, ...more }
    const answer = await send(upstream.url, { path: `/openai/v1/${path}`, body, headers: { 'x-request-id': id } })
    return { answer, record: await endedRecord(upstream, id) }
  }
  const speak = { input: '[tokens=8]', voice: 'alloy' }
  const draw = { prompt: '[tokens=8]', stream: true, partial_images: 2 }

  test('sound is cut, garbled, paced and replaced', async () => {
    const cut = await play('audio/speech', 'break-3', speak)
    expect(cut).toMatchObject({ answer: { ended: 'cut' }, record: { outcome: 'broken', status: 200 } })
    expect(cut.answer.bytes).toHaveLength(3 * 256)
    expect((await play('audio/speech', 'break-0', speak)).answer).toMatchObject({ status: 200, ended: 'cut', text: '' })
    expect((await play('audio/speech', 'malformed-sse', speak)).answer.bytes).toHaveLength(4 * 256)
    const paced = await play('audio/speech', 'paced-5', speak)
    expect((paced.record.endedAt ?? 0) - paced.record.receivedAt).toBeGreaterThanOrEqual(30)
    expect((await play('audio/speech', 'error-mid', speak)).record.outcome).toBe('broken')
    expect((await play('audio/speech', 'html', speak)).answer.headers['content-type']).toContain('text/html')
    expect((await play('audio/speech', 'split-100', speak)).answer.bytes).toHaveLength(8 * 256)
  })

  test('pictures are cut before they are whole, and their errors are events', async () => {
    const cut = await play('images/generations', 'break-1', draw)
    expect(cut.answer.text).toContain('partial_image_index')
    expect(cut.record).toMatchObject({ outcome: 'broken', completionTokensSent: 100, usageReported: null })
    expect((await play('images/generations', 'break', draw)).answer.text).not.toContain('completed')
    const { answer } = await play('images/generations', 'error-mid-1', draw)
    expect(answer.text).toMatch(/\nevent: error\ndata: \{"type":"error","error":\{/)
  })

  test.each([
    ['images/generations', { prompt: 'x' }, 'output_tokens'],
    ['images/generations', draw, 'output_tokens'],
    ['audio/speech', { ...speak, stream_format: 'sse' }, 'output_tokens'],
  ])('%s reports wrong usage with %o', async (path, more, field) => {
    expect((await play(path, 'negative-usage', more)).answer.text).toContain(`"${field}":-5`)
    expect((await play(path, 'usage-twice', more)).answer.text.match(/"usage":\{/g)).toHaveLength(2)
    expect((await play(path, 'null-usage', more)).answer.text).toContain('"usage":null')
    const absent = await play(path, 'no-usage', more)
    expect(absent.answer.text).not.toContain('"usage"')
    expect(absent.record).toMatchObject({ usageReported: null, outcome: 'completed' })
  })

  test('what fails first on one path is a first attempt on another', async () => {
    const edit = (): Promise<RawAnswer> =>
      sendForm(upstream.url, '/openai/v1/images/edits', [
        ['model', 'scripted-flaky'],
        ['prompt', 'same'],
        ['image', new File(['x'], 'x.png')],
      ])
    const hear = (): Promise<RawAnswer> =>
      sendForm(upstream.url, '/openai/v1/audio/transcriptions', [
        ['model', 'scripted-flaky'],
        ['prompt', 'same'],
        ['file', new File(['x'], 'x.mp3')],
      ])
    expect([(await edit()).status, (await hear()).status, (await edit()).status, (await hear()).status]).toEqual([503, 503, 200, 200])
  })

  test('a form is failed, cut and miscounted as JSON is', async () => {
    const form = async (name: string, file = 'a.seconds-9.mp3'): Promise<RawAnswer> =>
      sendForm(upstream.url, '/openai/v1/audio/transcriptions', [
        ['model', `scripted-${name}`],
        ['file', await sound(file)],
      ])
    expect((await form('error-503')).status).toBe(503)
    expect((await form('break')).ended).toBe('cut')
    expect(JSON.parse((await form('fraction-usage')).text).usage).toEqual({ type: 'duration', seconds: 1.5 })
    expect(JSON.parse((await form('zero-usage', 'a.mp3')).text).usage).toEqual({
      type: 'tokens',
      input_tokens: 0,
      output_tokens: 0,
      total_tokens: 0,
    })
    await expect(form('refuse')).rejects.toThrow(/ECONNRESET|socket hang up/)
  })
})
