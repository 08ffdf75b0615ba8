import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joinBytes } from '#shared/values/bytes.ts'
import { ElementSplitter, elementOf } from './json-elements.ts'
import { streamFormOf } from './stream-form.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The parts of a text that comes in pieces, and what is left at its end. */
function split(text: string, cuts: readonly number[] = []): { parts: string[]; pending: string } {
  const bytes = encoder.encode(text)
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length]
  const splitter = new ElementSplitter()
  const parts = bounds.slice(1).flatMap((end, index) => splitter.feed(bytes.subarray(bounds[index], end)))
  expect(decoder.decode(joinBytes([...parts, splitter.pending]))).toBe(text)
  return { parts: parts.map((part) => decoder.decode(part)), pending: decoder.decode(splitter.pending) }
}

const hard = fc
  .oneof(fc.json(), fc.constantFrom('"\\\\"', '"\\""', '"{"', '"]}"', '[[],{}]', '"\\\\\\"}"', '"größe 👍"'))
  .map((text) => `{"a":${text}}`)
const space = fc.constantFrom('', ' ', '\n', '\r\n', '\t')

describe('an array that is written element by element', () => {
  test('is cut into its elements, at every cut the same, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(hard, { maxLength: 6 }), space, fc.array(fc.nat(), { maxLength: 8 }), (elements, gap, cuts) => {
        const text = `${gap}[${gap}${elements.join(`${gap},${gap}`)}${gap}]${gap}`
        const { parts, pending } = split(text, cuts)
        expect(parts.map((part) => elementOf(encoder.encode(part))?.data)).toEqual(elements)
        expect(elementOf(encoder.encode(pending))).toBeNull()
      }),
      { numRuns: 1_000 },
    )
  })

  test('is cut alike byte by byte', () => {
    const text = '[{"a":"}\\"{"}\r\n,\r\n{"b":[{"c":1}]}\r\n]\r\n'
    const every = Array.from({ length: text.length }, (_, at) => at)
    expect(split(text, every)).toEqual(split(text))
    expect(split(text).parts).toEqual(['[{"a":"}\\"{"}', '\r\n,\r\n{"b":[{"c":1}]}'])
  })

  test.each([
    ['a byte order mark', '\uFEFF[{"a":1}]', ['\uFEFF[{"a":1}'], ']'],
    ['a second array behind it', '[{"a":1}]\r\n[{"b":2}]', ['[{"a":1}', ']\r\n[{"b":2}'], ']'],
    ['an object and no array', '{"error":{}}\n', ['{"error":{}}'], '\n'],
    ['an element cut off', '[{"a":1},{"b":"{', ['[{"a":1}'], ',{"b":"{'],
    ['nothing', '', [], ''],
    ['a page', '<html>', [], '<html>'],
  ])('with %s keeps its bytes', (_, text, parts, pending) => {
    expect(split(text)).toEqual({ parts, pending })
  })

  test('is read to the end of an element as deep as it is long', () => {
    const deep = `[{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(split(deep).parts).toEqual([deep])
  })
})

describe('the form of it', () => {
  const form = streamFormOf('elements')

  test('replaces an element and nothing around it', () => {
    const part = encoder.encode('\r\n,\r\n{"a":1}')
    expect([form?.dataOf(part), form?.replaceData(part, '{"b":2}')]).toEqual(['{"a":1}', '\r\n,\r\n{"b":2}'])
    expect(form?.dataOf(encoder.encode('\r\n]'))).toBeNull()
  })

  test('ends legally wherever it broke between elements, kept alive or not', () => {
    const event = { data: '{"error":{"code":502}}' }
    expect(JSON.parse(`${form?.keepAlive}${form?.writeLast(event, false)}`)).toEqual([{ error: { code: 502 } }])
    expect(JSON.parse(`[{"a":1}${form?.keepAlive}${form?.writeLast(event, true)}`)).toEqual([{ a: 1 }, { error: { code: 502 } }])
  })
})
