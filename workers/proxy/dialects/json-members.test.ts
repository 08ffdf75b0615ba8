import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasRepeatedKey, memberText, setMembers } from './json-members.ts'

/** No backslash in a key: Node 24's JSON.parse takes `"\ud800"` for a key `\` that it has seen at the same place before. */
const keys = fc.oneof(
  fc.constantFrom('model', 'stream_options', 'a"model', '"', '', '__proto__', 'constructor', 'ключ', '😀', '\ud800', 'n'),
  fc.string({ maxLength: 5 }).map((key) => key.replaceAll('\\', '/')),
)

/** JSON as clients may write it: spaces anywhere, escapes where none are needed, the same key twice. */
const space = fc.constantFrom('', ' ', '\n\t', '\r\n')
const written = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('null', 'true', '-0', '1e400', '12345678901234567890', '1.50', '"model"', '"\\\\"', '"\\""', '"}],{"'),
    fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(space, keys, fc.boolean(), space, space, tie('value'), space), { maxLength: 5 })
    .map((members) => `{${members.map(([a, key, hard, b, c, value, d]) => `${a}${keyText(key, hard)}${b}:${c}${value}${d}`).join(',')}}`),
})).object

function keyText(key: string, isHard: boolean): string {
  const escaped = [...Array(key.length).keys()].map((at) => `\\u${key.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
  return isHard ? `"${escaped}"` : JSON.stringify(key)
}

/** The members of an object as JSON.parse reads them, in a map so that no key is special. */
function parsed(text: string): Map<string, unknown> {
  return new Map(Object.entries(JSON.parse(text)))
}

describe('setting members of a JSON text', () => {
  test('changes these as JSON.parse reads the text, and no others', () => {
    fc.assert(
      fc.property(
        written,
        space,
        fc.dictionary(keys, fc.constantFrom('1', 'null', '"}"', '[1,2]', '{"model":"m"}'), { maxKeys: 3 }),
        (object, around, changes) => {
          const values = new Map(Object.entries(changes))
          const expected = parsed(object)
          for (const [key, value] of values) expected.set(key, JSON.parse(value))
          const text = setMembers(`${around}${object}${around}`, values)
          expect(parsed(text)).toEqual(expected)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  test('leaves one reading only: every key once, and plainly written', () => {
    fc.assert(
      fc.property(written, (object) => {
        const text = setMembers(object, new Map())
        for (const key of parsed(object).keys()) expect(memberText(text, key)?.trim()).toBe(memberText(object, key)?.trim())
        // What is written once more is what was read: there is nothing left to clean.
        expect(setMembers(text, new Map())).toBe(text)
        expect([...parsed(text).entries()]).toEqual([...parsed(object).entries()])
      }),
      { numRuns: 1_000 },
    )
  })

  test('keeps a plain text byte for byte around what is set', () => {
    const text = ' {\n "seed" : 12345678901234567890 , "model":"a" ,"x":1.50}\n'
    expect(setMembers(text, new Map())).toBe(text)
    expect(setMembers(text, new Map([['model', '"b"']]))).toBe(' {\n "seed" : 12345678901234567890 , "model":"b","x":1.50}\n')
    expect(setMembers(text, new Map([['n', '1']]))).toBe(' {"n":1,\n "seed" : 12345678901234567890 , "model":"a" ,"x":1.50}\n')
    expect(setMembers('{}', new Map([['n', '1']]))).toBe('{"n":1}')
  })

  test('of a key given twice keeps the last, as JSON.parse does', () => {
    expect(setMembers('{"n":128,"model":"a","n":1}', new Map())).toBe('{"n":1,"model":"a"}')
    expect(setMembers('{"n":128,"\\u006e":1}', new Map())).toBe('{"n":1}')
    expect(memberText('{"n":128,"\\u006e":[1, 2]}', 'n')).toBe('[1, 2]')
    expect(setMembers('{"\\u005c":1,"\\\\":2,"x":"\\\\"}', new Map([['x', '3']]))).toBe('{"\\\\":2,"x":3}')
    expect(memberText('{"n":128}', 'm')).toBeNull()
  })

  test('does not care for depth or for backslashes without end', () => {
    const deep = `{"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},"y":"${'\\\\'.repeat(1_000_000)}\\"","model":"a"}`
    expect(setMembers(deep, new Map([['model', '"b"']]))).toBe(deep.replace('"model":"a"', '"model":"b"'))
  })
})

describe('a key given twice', () => {
  test.each(['{"n":1,"n":2}', '{"a":[{"n":1,"\\u006e":1}]}', '[{"a":{"n":[],"m":":","n":{}}}]', '{"__proto__":1,"__proto__":2}'])(
    'is found at any depth: %s',
    (text) => {
      expect(hasRepeatedKey(text, JSON.parse(text))).toBe(true)
    },
  )

  test('is not found where there is none', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => !hasRepeatedKey(JSON.stringify(value), value)))
    expect(hasRepeatedKey('{"a:b":":","a":{"a":"\\":"}}', { 'a:b': ':', a: { a: '":' } })).toBe(false)
  })
})
