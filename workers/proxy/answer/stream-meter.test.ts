import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyReading } from '../dialects/dialect.ts'
import { openaiChat } from '../dialects/openai-chat.ts'
import { streamFormOf } from '../dialects/stream-form.ts'
import { streamTailBytes, unparsedBytes } from '../limits.ts'
import { StreamMeter } from './stream-meter.ts'

const encoder = new TextEncoder()
const form = streamFormOf('events')

function newMeter(): StreamMeter {
  if (!form) throw new Error('there is no form of events')
  return new StreamMeter(openaiChat, form)
}

/** Reads a transcript cut into pieces; a buffer is used again after each, as the relay may. */
function read(text: string, cuts: readonly number[] = []) {
  const bytes = encoder.encode(text)
  const meter = newMeter()
  const bounds = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((one, other) => one - other), bytes.length]
  const buffer = new Uint8Array(bytes.length)
  for (let at = 0; at + 1 < bounds.length; at++) {
    const piece = bytes.subarray(bounds[at], bounds[at + 1])
    buffer.set(piece)
    meter.push(buffer.subarray(0, piece.length))
    buffer.fill(10)
  }
  return meter
}

const chunk = (fields: object) => `data: ${JSON.stringify(fields)}`
const content = (text: string) => chunk({ choices: [{ index: 0, delta: { content: text } }] })
const usage = (prompt_tokens: number, completion_tokens: number) => chunk({ choices: [], usage: { prompt_tokens, completion_tokens } })

const event = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map(content) },
  fc.constantFrom(': keep-alive', 'event: ping', 'data: [DONE]', 'data: not json', 'data:', chunk({ error: { message: 'x' } })),
  fc.tuple(fc.nat(50), fc.nat(3)).map(([input, output]) => usage(input, output)),
  fc.constantFrom(
    chunk({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null }),
    chunk({ choices: [{ delta: { content: 'x' }, usage: { prompt_tokens: 4, completion_tokens: 2 } }] }),
    chunk({ choices: [], usage: { prompt_tokens: '12', completion_tokens: 1 } }),
  ),
)
const blank = fc.constantFrom('\n\n', '\r\n\r\n', '\r\r')
const transcript = fc
  .tuple(fc.array(fc.tuple(event, blank), { maxLength: 12 }), fc.option(event, { nil: '' }), fc.boolean())
  .map(([events, last, isLong]) => {
    const filler = isLong ? `${content('f'.repeat(streamTailBytes))}\n\n` : ''
    return filler + events.map(([text, end]) => text + end).join('') + last
  })

/** A meter that has been asked for its progress has parsed all it had, so that it reads on without a tail. */
function readWhole(text: string) {
  const meter = newMeter()
  for (const byte of encoder.encode(text)) {
    meter.push(Uint8Array.of(byte))
    meter.progress()
  }
  return meter.finish()
}

describe('the reading of a stream', () => {
  test('is the same however the stream was cut', () => {
    fc.assert(
      fc.property(transcript, fc.array(fc.nat(6_000), { maxLength: 10 }), (text, cuts) => {
        expect(read(text, cuts).finish()).toEqual(read(text).finish())
      }),
      { numRuns: 1_000 },
    )
  })

  test('from its tail charges the same as from the whole', () => {
    fc.assert(
      fc.property(transcript, (text) => {
        const [short, whole] = [read(text).finish(), readWhole(text)]
        expect(short.usage).toEqual(whole.usage)
        // Beside a usage with output nothing else counts; without one all must be the same.
        if ((short.usage?.outputTokens ?? 0) === 0) expect(short).toEqual(whole)
      }),
      { numRuns: 1_000 },
    )
  })

  test('takes the usage of a last event that has no newline', () => {
    expect(read(`${content('a')}\n\n${usage(3, 4)}`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
    expect(read(`${content('a')}\n\n${usage(3, 4)}\n\n${usage(3, 9)}`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 9 })
    expect(read(`${content('a')}\n\n${usage(3, 4)}\n\n${usage(3, 9)}\n`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 9 })
  })

  test('goes on after the end mark', () => {
    const text = `${content('ab')}\n\n${usage(3, 4)}\n\ndata: [DONE]\n\n`
    expect(read(`${text}garbage after it`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
    expect(read(`${text}\0\0\0${'x'.repeat(10_000)}`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
    expect(read(`${content('ab')}\n\ndata: [DONE]\n\n${usage(3, 4)}\n\n`).finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
  })

  test('without usage counts all that was delivered', () => {
    expect(read(`${content('grün')}\n\n${content('漢')}\n\n`).finish()).toMatchObject({ usage: null, deliveredBytes: 8 })
    expect(read('').finish()).toEqual(emptyReading())
  })

  test('of an explicit zero, or of an error, is taken from the whole', () => {
    const long = `${content('f'.repeat(9_000))}\n\n`
    expect(read(`${long}${usage(3, 0)}\n\n`).finish()).toMatchObject({ usage: { outputTokens: 0 }, deliveredBytes: 9_000 })
    expect(read(`${long}${usage(3, 4)}\n\n${chunk({ error: {} })}\n\n`).finish()).toMatchObject({ failed: true, deliveredBytes: 9_000 })
  })

  test('finds usage that stands before the tail', () => {
    expect(read(`${usage(3, 4)}\n\n${content('f'.repeat(streamTailBytes * 2))}\n\ndata: [DONE]\n\n`).finish().usage).toEqual({
      inputTokens: 3,
      outputTokens: 4,
    })
  })

  test('is whole when far more passed than is kept unparsed', () => {
    const part = `${content('x'.repeat(990))}\n\n`
    const count = Math.ceil((3 * unparsedBytes) / part.length)
    const meter = newMeter()
    for (let sent = 0; sent < count; sent++) meter.push(encoder.encode(part))
    expect(meter.totalBytes).toBe(count * part.length)
    expect(meter.finish()).toMatchObject({ usage: null, deliveredBytes: count * 990 })
    const billed = newMeter()
    billed.push(encoder.encode(part.repeat(count)))
    billed.push(encoder.encode(`${usage(3, 4)}\n`))
    billed.push(encoder.encode('\n'))
    expect(billed.finish().usage).toEqual({ inputTokens: 3, outputTokens: 4 })
  })

  test('so far can be asked for at any time, and does not change the end', () => {
    const meter = newMeter()
    meter.push(encoder.encode(`${content('ab')}\n\n${content('cd')}`))
    expect(meter.progress().deliveredBytes).toBe(2)
    expect(meter.progress().deliveredBytes).toBe(2)
    meter.push(encoder.encode(`\n\n${usage(3, 4)}\n\n`))
    expect(meter.progress()).toMatchObject({ deliveredBytes: 4, usage: { inputTokens: 3, outputTokens: 4 } })
    expect(meter.finish()).toMatchObject({ deliveredBytes: 4, usage: { inputTokens: 3, outputTokens: 4 } })
  })
})
