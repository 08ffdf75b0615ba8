import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joinBytes } from '#shared/values/bytes.ts'
import { EventSplitter, eventData } from './server-sent-events.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/** Feeds a text cut into the given pieces, and returns what came out. */
function splitAt(bytes: Uint8Array, cuts: readonly number[]): { data: string[]; joined: string; pending: string } {
  const splitter = new EventSplitter()
  const events: Uint8Array[] = []
  const bounds = [0, ...[...cuts].sort((one, other) => one - other), bytes.length]
  for (let at = 0; at + 1 < bounds.length; at++) {
    // A copy with rubbish around it, as a view of a reused buffer is.
    const piece = bytes.slice(bounds[at], bounds[at + 1])
    const buffer = new Uint8Array(piece.length + 6).fill(10)
    buffer.set(piece, 3)
    for (const event of splitter.feed(buffer.subarray(3, 3 + piece.length))) events.push(event.slice())
  }
  return {
    data: events.map(eventData).filter((data) => data !== null),
    joined: decoder.decode(joinBytes([...events, splitter.pending])),
    pending: decoder.decode(splitter.pending),
  }
}

const lineEnd = fc.constantFrom('\n', '\r', '\r\n')
const field = fc.oneof(
  fc.constantFrom(
    'data',
    'data:',
    'data: ',
    'data:  two spaces',
    'event: x',
    ': comment',
    ':',
    'id: 7',
    'retry: 1',
    'datax: no',
    ' data: no',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
  fc.constantFrom('data: größer', 'data: 漢字', 'data: 👩‍👩‍👧', 'data: {"usage":{"prompt_tokens":1}}', 'data: [DONE]'),
)
const transcript = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(fc.array(fc.tuple(field, lineEnd), { maxLength: 4 }), lineEnd), { maxLength: 6 }),
    fc.constantFrom('', 'data: cut off', 'data: no blank line\n', 'data: no blank line\r'),
  )
  .map(([hasMark, events, rest]) => {
    const body = events.map(([lines, blank]) => `${lines.map(([line, end]) => line + end).join('')}${blank}`).join('')
    return `${hasMark ? '\uFEFF' : ''}${body}${rest}`
  })

/** The specification's own words on the whole text: lines first, then events; the unended rest is not dispatched. */
function specifiedData(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  lines.pop()
  const events: string[] = []
  let data: string[] = []
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push(data.join('\n'))
      data = []
    } else if (line === 'data' || line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
  }
  return events
}

describe('a stream of server-sent events', () => {
  test('cut anywhere gives the events of the specification and all of its bytes', () => {
    fc.assert(
      fc.property(transcript, fc.array(fc.nat(400), { maxLength: 12 }), (text, places) => {
        const bytes = encoder.encode(text)
        const cut = splitAt(
          bytes,
          places.map((place) => Math.min(place, bytes.length)),
        )
        expect(cut.joined).toBe(text)
        expect(cut.data).toEqual(specifiedData(text))
      }),
      { numRuns: 3_000 },
    )
  })

  test.each([['\n'], ['\r'], ['\r\n']])('with lines ending in %j is the same at every single cut, and byte for byte', (end) => {
    const lines = ['\uFEFF: hello', '', 'event: a', 'data: grün', 'data', 'data:漢', '', '', 'data: [DONE]', '', 'data: 👍']
    const text = lines.join(end)
    const bytes = encoder.encode(text)
    const expected = ['grün\n\n漢', '[DONE]']
    for (let at = 0; at <= bytes.length; at++) expect(splitAt(bytes, [at])).toMatchObject({ data: expected, joined: text })
    const everywhere = splitAt(
      bytes,
      Array.from({ length: bytes.length }, (_, at) => at),
    )
    expect(everywhere).toMatchObject({ data: expected, joined: text })
  })

  test('keeps back only the event that has not ended', () => {
    expect(splitAt(encoder.encode('data: 1\n\ndata: 2\n'), []).pending).toBe('data: 2\n')
    expect(splitAt(encoder.encode('data: 1\n\n'), []).pending).toBe('')
  })

  test('gives an event at once when its blank line is there, without waiting for a line feed that may follow', () => {
    const splitter = new EventSplitter()
    expect(splitter.feed(encoder.encode('data: 1\r\n\r')).map(eventData)).toEqual(['1'])
    expect(splitter.feed(encoder.encode('\ndata: 2\r\n\r\n')).map(eventData)).toEqual(['2'])
  })

  test('with broken UTF-8 loses nothing else', () => {
    const bytes = joinBytes([encoder.encode('data: a'), new Uint8Array([0xff, 0xc3]), encoder.encode('\n\ndata: b\n\n')])
    const events = new EventSplitter().feed(bytes)
    expect(events.map(eventData)).toEqual(['a\uFFFD\uFFFD', 'b'])
    expect(joinBytes(events)).toEqual(bytes)
  })

  test('takes an event of 16 MB in packets of 1,400 bytes in well under a second', () => {
    const event = encoder.encode(`data: ${'x'.repeat(16_000_000)}\n\n`)
    const splitter = new EventSplitter()
    const startedAtMs = performance.now()
    const events: Uint8Array[] = []
    for (let at = 0; at < event.length; at += 1_400) events.push(...splitter.feed(event.subarray(at, at + 1_400)))
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
    expect(events).toHaveLength(1)
    expect(events[0]?.length).toBe(event.length)
  }, 120_000)
})
