import { createOpenAI } from '@ai-sdk/openai'
import { embed, generateImage, generateSpeech, transcribe } from 'ai'
import OpenAI from 'openai'
import { describe, expect, inject, test } from 'vitest'
import { formatUsd } from '#shared/values/money.ts'
import { readBooks } from './books.ts'
import { dataOf, promptOf } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { expectSoundBooks } from './invariants.ts'
import { type Endpoint, endpoints, picture, sound, timedSound } from './media-requests.ts'

/** The one request of a customer, in books that are sound. */
async function recorded(customer: Customer) {
  await expectEventually(async () => (await readBooks(customer.organizationId)).records.length, 1, 20_000)
  const { records } = await expectSoundBooks(customer)
  const [record] = records
  if (!record) throw new Error('nothing was recorded')
  return record
}

describe.concurrent('with the official client', () => {
  test('embeddings come back for each input and cost their tokens', async () => {
    const customer = await newCustomer()
    const input = [promptOf(), 'two words']
    const { data, usage } = await customer.openai().embeddings.create({ model: 'gpt-embedding-scripted-fast', input, dimensions: 8 })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8])
    expect(await recorded(customer)).toMatchObject({ inputTokens: usage.prompt_tokens, outputTokens: 0, units: null, estimated: false })
  })

  test('images cost what their tokens do, those of pictures apart', async () => {
    const customer = await newCustomer()
    const body = { model: 'gpt-image-scripted-fast', prompt: promptOf('[tokens=40]'), n: 2 }
    const { data, usage } = await customer.openai().images.generate(body)
    expect(data?.map(({ b64_json }) => typeof b64_json)).toEqual(['string', 'string'])
    const units = { inputImageTokens: 0, outputImageTokens: 80 }
    expect(await recorded(customer)).toMatchObject({ inputTokens: usage?.input_tokens, outputTokens: 0, units, estimated: false })
  })

  test('edited images come from a form with several files, and what goes in is told apart', async () => {
    const customer = await newCustomer()
    const body = { model: 'gpt-image-scripted-fast', prompt: promptOf('[tokens=40]'), image: [picture, picture] }
    const { data } = await customer.openai().images.edit(body)
    expect(data).toHaveLength(1)
    expect((await recorded(customer)).units).toEqual({ inputImageTokens: 16, outputImageTokens: 40 })
  })

  test('an image by the piece costs its price, whatever tokens are reported', async () => {
    const customer = await newCustomer()
    await customer.openai().images.generate({ model: 'dall-e-scripted-fast', prompt: promptOf(), n: 2 })
    expect(await recorded(customer)).toMatchObject({ units: { images: 2 }, inputTokens: null, costNanos: 80_000_002, estimated: false })
  })

  for (const edits of [false, true]) {
    test(`a stream of ${edits ? 'an edit' : 'an image'} shows it on the way and costs what it reports in the end`, async () => {
      const customer = await newCustomer()
      const body = { model: 'gpt-image-scripted-fast', prompt: promptOf('[tokens=40]'), stream: true, partial_images: 2 } as const
      const { images } = customer.openai()
      const stream = await (edits ? images.edit({ ...body, image: picture }) : images.generate(body))
      const types: string[] = []
      for await (const event of stream) types.push(event.type.replace(/^.*\./, ''))
      expect(types).toEqual(['partial_image', 'partial_image', 'completed'])
      expect((await recorded(customer)).units).toMatchObject({ outputImageTokens: 240 })
    })
  }

  test('speech costs its characters, as its answer tells before it ends', async () => {
    const customer = await newCustomer()
    const input = promptOf('grüße 👍 [tokens=50]')
    const response = await customer.openai().audio.speech.create({ model: 'tts-1-scripted-fast', voice: 'ash', input })
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect((await response.arrayBuffer()).byteLength).toBe(50 * 256)
    const record = await recorded(customer)
    expect(record).toMatchObject({ units: { characters: [...input].length }, estimated: false })
    expect(response.headers.get('x-relay-cost-usd')).toBe(formatUsd(record.costNanos))
  })

  test.for([
    ['gpt-tts-scripted-fast', { outputAudioTokens: 12 }],
    ['tts-1-scripted-fast', { characters: expect.any(Number) }],
  ] as const)('speech of %s in events costs what the model is priced by', async ([model, units]) => {
    const customer = await newCustomer()
    const response = await endpoints.speech(customer, model, { stream_format: 'sse' })
    const types = dataOf(await response.text()).map((data) => JSON.parse(data).type)
    expect([types.length, types.at(-1)]).toEqual([13, 'speech.audio.done'])
    expect((await recorded(customer)).units).toEqual(units)
  })

  test.for(['json', 'verbose_json', 'diarized_json'] as const)(
    'a transcript in %s costs its tokens of sound and text',
    async (response_format) => {
      const customer = await newCustomer()
      const prompt = promptOf('[tokens=20]')
      const answer = await customer
        .openai()
        .audio.transcriptions.create({ model: 'gpt-transcribe-scripted-fast', file: sound, prompt, response_format })
      expect(answer.text.split(' ')).toHaveLength(20)
      expect(await recorded(customer)).toMatchObject({ outputTokens: 20, units: { inputAudioTokens: 31 }, estimated: false })
    },
  )

  test('a streamed transcript costs what it reports in the end', async () => {
    const customer = await newCustomer()
    const body = { model: 'gpt-transcribe-scripted-fast', file: sound, prompt: promptOf('[tokens=20]'), stream: true } as const
    let text = ''
    for await (const event of await customer.openai().audio.transcriptions.create(body))
      if (event.type === 'transcript.text.delta') text += event.delta
    expect(text.split(' ')).toHaveLength(20)
    expect(await recorded(customer)).toMatchObject({ outputTokens: 20, units: { inputAudioTokens: 31 }, estimated: false })
  })

  test('a transcript by the second costs its seconds', async () => {
    const customer = await newCustomer()
    await customer.openai().audio.transcriptions.create({ model: 'whisper-1-scripted-fast', file: timedSound })
    expect(await recorded(customer)).toMatchObject({ units: { audioMs: 30_000 }, costNanos: 3_000_030, estimated: false })
  })

  test('a moderation costs nothing, and is recorded all the same', async () => {
    const customer = await newCustomer()
    const { results } = await customer.openai().moderations.create({ model: 'omni-moderation-scripted-fast', input: promptOf('[flagged]') })
    expect(results).toMatchObject([{ flagged: true }])
    expect(await recorded(customer)).toMatchObject({ costNanos: 0, estimated: false })
  })
}, 90_000)

describe.concurrent('with the AI SDK', () => {
  const providerOf = (customer: Customer) =>
    createOpenAI({ apiKey: customer.apiKey, baseURL: `${inject('stack').proxyUrl}/v1`, fetch: (url, init) => customer.fetch(url, init) })

  test('a value is embedded', async () => {
    const customer = await newCustomer()
    const { embedding } = await embed({ model: providerOf(customer).embedding('gpt-scripted-embedding'), value: promptOf() })
    expect(embedding).toHaveLength(1_536)
    expect((await recorded(customer)).costNanos).toBeGreaterThan(0)
  })

  test('an image is made from a text, and from another image', async () => {
    for (const images of [[], [new Uint8Array(600)]]) {
      const customer = await newCustomer()
      const prompt = images.length > 0 ? { text: promptOf(), images } : promptOf()
      const { image } = await generateImage({ model: providerOf(customer).image('gpt-image-scripted-fast'), prompt })
      expect(image.uint8Array.length).toBe(768)
      expect((await recorded(customer)).units).toMatchObject({ outputImageTokens: 32 })
    }
  })

  test('a text is spoken, and sound is written down', async () => {
    const speaker = await newCustomer()
    const { audio } = await generateSpeech({ model: providerOf(speaker).speech('tts-1-scripted-fast'), text: promptOf(), voice: 'ash' })
    expect(audio.uint8Array.length).toBe(32 * 256)
    expect((await recorded(speaker)).units).toMatchObject({ characters: expect.any(Number) })
    const listener = await newCustomer()
    const model = providerOf(listener).transcription('gpt-transcribe-scripted-fast')
    expect((await transcribe({ model, audio: audio.uint8Array })).text.split(' ')).toHaveLength(32)
    expect((await recorded(listener)).units).toEqual({ inputAudioTokens: 82 })
  })
}, 90_000)

describe.concurrent('what cannot be served', () => {
  const models: Record<Endpoint, string> = {
    embeddings: 'gpt-embedding-scripted-fast',
    images: 'gpt-image-scripted-fast',
    edits: 'gpt-image-scripted-fast',
    speech: 'tts-1-scripted-fast',
    transcriptions: 'gpt-transcribe-scripted-fast',
    timed: 'whisper-1-scripted-fast',
    moderations: 'omni-moderation-scripted-fast',
  }

  test('is refused with 402 where the credit does not cover it, and only a moderation is free', async () => {
    const customer = await newCustomer({ creditNanos: 100 })
    for (const [endpoint, send] of Object.entries(endpoints)) {
      const response = await send(customer, models[endpoint as Endpoint]) // The keys of a record are its names.
      expect([endpoint, response.status]).toEqual([endpoint, endpoint === 'moderations' ? 200 : 402])
    }
    expect((await recorded(customer)).costNanos).toBe(0)
  })

  test.for<[Endpoint, string, object, number, string, RegExp]>([
    ['speech', 'gpt-tts-scripted-fast', {}, 400, 'not_sold', /"stream_format": "sse"/],
    ['transcriptions', 'gpt-transcribe-scripted-fast', { response_format: 'srt' }, 400, 'invalid_request', /verbose_json/],
    ['images', 'gpt-image-scripted-fast', { output_format: 'svg' }, 400, 'invalid_request', /png/],
    ['edits', 'gpt-image-scripted-fast', { n: 11 }, 400, 'invalid_request', /'n'/],
    ['embeddings', 'gpt-image-scripted-fast', {}, 400, 'wrong_endpoint', /images\/generations/],
    ['moderations', 'gpt-nobody', {}, 404, 'model_not_found', /model/],
    ['images', 'gpt-image-scripted-rate-limited-1', {}, 429, 'upstream_rate_limited', /busy/],
  ])('is told in words: %s by %s with %j is %i', async ([endpoint, model, more, status, code, words]) => {
    const customer = await newCustomer()
    const response = await endpoints[endpoint](customer, model, more)
    const error = expect.objectContaining({ code, message: expect.stringMatching(words) })
    expect([response.status, await response.json()]).toEqual([status, { error }])
    expect(customer.requestIds).toHaveLength(1)
  })

  test('such as JSON where a form is asked for, is 415', async () => {
    const customer = await newCustomer()
    const response = await customer.send('/v1/audio/transcriptions', { method: 'POST', body: '{}' })
    expect(response.status).toBe(415)
  })
}, 90_000)

/** What a customer pays for: what was reported, an estimate, a price by the piece, or nothing. */
type Charge = 'reported' | 'estimated' | 'free'

describe.concurrent('an upstream', () => {
  const stream = { stream: true, partial_images: 2 }
  const events = { stream_format: 'sse' }

  test.for<[string, Endpoint, string, object, number, Charge]>([
    ['that reports no usage', 'embeddings', 'gpt-embedding-scripted-no-usage', {}, 200, 'estimated'],
    ['that reports no usage', 'images', 'gpt-image-scripted-no-usage', {}, 200, 'estimated'],
    ['that reports no usage', 'images', 'gpt-image-scripted-no-usage', stream, 200, 'estimated'],
    ['that reports no usage', 'edits', 'dall-e-scripted-no-usage', {}, 200, 'reported'],
    ['that reports no usage', 'speech', 'gpt-tts-scripted-no-usage', events, 200, 'estimated'],
    ['that reports no usage', 'transcriptions', 'gpt-transcribe-scripted-no-usage', {}, 200, 'estimated'],
    ['that reports no usage', 'timed', 'whisper-1-scripted-no-usage', {}, 200, 'estimated'],
    ['that reports zero', 'images', 'gpt-image-scripted-zero-usage', {}, 200, 'free'],
    ['that reports zero', 'speech', 'gpt-tts-scripted-zero-usage', events, 200, 'free'],
    ['that reports zero', 'transcriptions', 'gpt-transcribe-scripted-zero-usage', { stream: true }, 200, 'free'],
    ['that reports absurd numbers', 'images', 'gpt-image-scripted-absurd-usage', stream, 200, 'estimated'],
    ['that reports absurd numbers', 'speech', 'gpt-tts-scripted-absurd-usage', events, 200, 'estimated'],
    ['that reports absurd numbers', 'transcriptions', 'gpt-transcribe-scripted-absurd-usage', {}, 200, 'estimated'],
    ['that reports absurd numbers', 'timed', 'whisper-1-scripted-absurd-usage', { stream: true }, 200, 'estimated'],
    ['that breaks in a body', 'embeddings', 'gpt-embedding-scripted-break', {}, 502, 'free'],
    ['that breaks in a body', 'images', 'gpt-image-scripted-break', {}, 502, 'free'],
    ['that breaks in a body', 'transcriptions', 'gpt-transcribe-scripted-break', {}, 502, 'free'],
    ['that breaks in a body', 'moderations', 'omni-moderation-scripted-break', {}, 502, 'free'],
    ['that is an error', 'images', 'gpt-image-scripted-error-first', stream, 502, 'free'],
    ['that is an error', 'speech', 'tts-1-scripted-error-first', {}, 502, 'free'],
    ['that says nothing', 'speech', 'tts-1-scripted-empty-stream', {}, 502, 'free'],
    ['that says nothing', 'embeddings', 'gpt-embedding-scripted-empty-stream', {}, 502, 'free'],
  ])('%s: %s by %s with %j is %i, %s', async ([, endpoint, model, more, status, charge]) => {
    const customer = await newCustomer()
    const response = await endpoints[endpoint](customer, model, more)
    await response.arrayBuffer()
    expect(response.status).toBe(status)
    const { costNanos, estimated } = await recorded(customer)
    expect({ isFree: costNanos === 0, estimated }).toEqual({ isFree: charge === 'free', estimated: charge === 'estimated' })
    // Nothing here is worth more than some cents: an estimate must not take a picture's bytes for text.
    expect(costNanos).toBeLessThan(100_000_000)
  })

  test.for<[Endpoint, string, object]>([
    ['images', 'gpt-image-scripted-break-1', stream],
    ['edits', 'gpt-image-scripted-break-1', stream],
    ['speech', 'gpt-tts-scripted-break', events],
    ['transcriptions', 'gpt-transcribe-scripted-break', { stream: true }],
    ['transcriptions', 'gpt-transcribe-scripted-error-mid', { stream: true }],
  ])('that breaks in a stream of %s by %s ends it with an error, and what was delivered is estimated', async ([endpoint, model, more]) => {
    const customer = await newCustomer()
    const response = await endpoints[endpoint](customer, model, more)
    const data = dataOf(await response.text())
    expect(JSON.parse(data.at(-1) ?? 'null')).toMatchObject({ type: 'error', error: { message: expect.any(String) } })
    const record = await recorded(customer)
    expect(record.estimated).toBe(true)
    expect(record.costNanos).toBeGreaterThan(0)
  })

  test('that breaks in the middle of speech breaks it for the client too, which pays the characters it gave', async () => {
    const customer = await newCustomer()
    const response = await endpoints.speech(customer, 'tts-1-scripted-break')
    await expect(response.arrayBuffer()).rejects.toThrow()
    expect(await recorded(customer)).toMatchObject({ units: { characters: expect.any(Number) }, estimated: false })
  })

  test('that is busy is a rate limit to the official client, with its time to wait', async () => {
    const customer = await newCustomer()
    const body = { model: 'tts-1-scripted-rate-limited-1', input: promptOf(), voice: 'ash' }
    const failure: unknown = await customer
      .openai()
      .audio.speech.create(body)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError)
    expect(failure instanceof OpenAI.RateLimitError && failure.headers?.get('retry-after')).toBe('1')
  })
}, 90_000)
