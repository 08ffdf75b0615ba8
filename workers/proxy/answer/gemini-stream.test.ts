import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AnswerForm, Reading } from '../dialects/dialect.ts'
import { geminiGenerate, geminiStream } from '../dialects/gemini-content.ts'
import { type StreamForm, streamFormOf } from '../dialects/stream-form.ts'
import { streamTailBytes } from '../limits.ts'
import { platformGlobals, streamedAnswer } from '../testing/streamed-answer.ts'
import { costRewrite, withCost } from './cost-in-answer.ts'
import { relayStream } from './stream-answer.ts'
import { StreamMeter } from './stream-meter.ts'

beforeAll(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
})
afterAll(() => {
  vi.unstubAllGlobals()
})

const encoder = new TextEncoder()
type Streamed = Extract<AnswerForm, 'events' | 'elements'>

/** Chunks as Gemini sends them: a text word by word, each with the usage so far, then the end. */
const chunks = [
  { candidates: [{ content: { parts: [{ text: 'grün }]' }] } }], usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 } },
  {
    candidates: [{ content: { parts: [{ text: ' {"\\' }] } }],
    usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
  },
  {
    candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 3, thoughtsTokenCount: 5, totalTokenCount: 12 },
  },
]
const used = { inputTokens: 4, outputTokens: 8, reasoningTokens: 5 }

function written(form: Streamed, values: readonly object[] = chunks): string {
  const texts = values.map((value) => JSON.stringify(value, null, form === 'elements' ? 1 : 0))
  return form === 'events' ? texts.map((text) => `data: ${text}\r\n\r\n`).join('') : `[${texts.join('\r\n,\r\n')}\r\n]\r\n`
}

function formOf(answer: Streamed): StreamForm {
  const form = streamFormOf(answer)
  if (!form) throw new Error(`there is no form of ${answer}`)
  return form
}

async function relayed(answer: Streamed, pieces: readonly Uint8Array[], { breaks = false, costs = false } = {}) {
  const form = formOf(answer)
  const upstream = streamedAnswer(pieces, { breaks, contentType: `${form.contentType}; charset=UTF-8` })
  const costUsdOf = ({ usage }: Reading) => `0.${usage?.outputTokens ?? 0}`
  const rewrite = costs ? costRewrite(geminiStream, form, null, costUsdOf) : null
  const { readable, meter, ended } = await relayStream(upstream, { dialect: geminiStream, form, rewrite })
  const text = await new Response(readable).text()
  return { text, end: await ended, reading: meter.finish() }
}

/** The values of a stream as a client reads them. */
function valuesOf(answer: Streamed, text: string): unknown[] {
  if (answer === 'elements') return JSON.parse(text)
  return text.split(/\r\n\r\n|\n\n/).flatMap((event) => (event.startsWith('data: ') ? [JSON.parse(event.slice(6))] : []))
}

describe.each<Streamed>(['events', 'elements'])('a stream of %s', (answer) => {
  const bytes = encoder.encode(written(answer))

  test.each([false, true])(
    'arrives whole at every cut, and is metered; with its cost shown: %s',
    async (costs) => {
      for (let at = 1; at < bytes.length; at += 5) {
        const { text, end, reading } = await relayed(answer, [bytes.slice(0, at), bytes.slice(at)], { costs })
        if (!costs) expect(text).toBe(written(answer))
        const shown = chunks.map((chunk, index) => ({
          ...chunk,
          usageMetadata: { ...chunk.usageMetadata, cost_usd: `0.${[0, 2, 8][index]}` },
        }))
        // A chunk's cost is that of all that has come in by then, which may be more than the chunk tells.
        if (costs) expect(valuesOf(answer, text)).toMatchObject(shown.map((chunk) => ({ ...chunk, usageMetadata: expect.any(Object) })))
        if (costs) expect(valuesOf(answer, text).at(-1)).toEqual(shown.at(-1))
        expect({ end, usage: reading.usage, finish: reading.finishReason }).toEqual({ end: 'completed', usage: used, finish: 'STOP' })
      }
    },
    60_000,
  )

  test.each([false, true])(
    'that breaks between two chunks ends as a client of it reads, in an error; with its cost shown: %s',
    async (costs) => {
      const begun =
        answer === 'elements' ? written(answer, chunks.slice(0, 2)).replace('\r\n]\r\n', '') : written(answer, chunks.slice(0, 2))
      const { text, end, reading } = await relayed(answer, [encoder.encode(begun)], { breaks: true, costs })
      const values = valuesOf(answer, text)
      expect(values).toHaveLength(3)
      expect(values.at(-1)).toEqual({ error: { code: 502, message: expect.any(String), status: 'INTERNAL' } })
      expect(text).not.toContain('finishReason')
      expect({ end, usage: reading.usage, bytes: reading.deliveredBytes }).toEqual({
        end: 'broken',
        usage: { inputTokens: 4, outputTokens: 2 },
        bytes: 8 + 4,
      })
    },
  )

  test.each([
    ['an error', [{ error: { code: 500 } }]],
    ['nothing', []],
  ])('is refused when it begins with %s', async (_, values) => {
    await expect(relayed(answer, [encoder.encode(written(answer, values))])).rejects.toMatchObject({ told: { code: 'upstream_error' } })
  })

  test('reads the same however it is cut, also when more passed than its tail', () => {
    const filler = { candidates: [{ content: { parts: [{ text: 'f'.repeat(streamTailBytes) }] } }] }
    const long = encoder.encode(written(answer, [filler, ...chunks]))
    fc.assert(
      fc.property(fc.array(fc.nat(long.length), { maxLength: 10 }), fc.boolean(), (cuts, asks) => {
        const meter = new StreamMeter(geminiStream, formOf(answer))
        const bounds = [0, ...cuts.toSorted((one, other) => one - other), long.length]
        for (const [index, start] of bounds.slice(0, -1).entries()) {
          meter.push(long.subarray(start, bounds[index + 1]))
          if (asks) meter.progress()
        }
        expect(meter.finish()).toMatchObject({ usage: used, finishReason: 'STOP', failed: false })
      }),
      { numRuns: 300 },
    )
  })
})

test('an array whose first element takes long is kept alive and, if none comes, is still an array', async () => {
  vi.useFakeTimers()
  const form = formOf('elements')
  const silence = Promise.withResolvers<void>()
  const body = new ReadableStream({ type: 'bytes', pull: () => silence.promise })
  const response = new Response(body, { headers: { 'content-type': form.contentType } })
  const relaying = relayStream({ response, trace: undefined, cancel: () => undefined }, { dialect: geminiStream, form, rewrite: null })
  await vi.advanceTimersByTimeAsync(40_000)
  const { readable, ended } = await relaying
  const reading = new Response(readable).text()
  silence.reject(new Error('cut'))
  const text = await reading
  expect(JSON.parse(text)).toMatchObject([{ error: { code: 502 } }])
  expect(text.startsWith('\n')).toBe(true)
  expect(await ended).toBe('broken')
  vi.useRealTimers()
})

test('a whole answer shows its cost beside its usage', () => {
  const answer = encoder.encode('{"candidates":[], "usageMetadata" : {"promptTokenCount":1}}')
  expect(new TextDecoder().decode(withCost(answer, geminiGenerate, '0.5'))).toBe(
    '{"candidates":[], "usageMetadata" :{"cost_usd":"0.5","promptTokenCount":1}}',
  )
})
