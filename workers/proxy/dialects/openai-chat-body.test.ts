import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { askChat, readChatCall } from './openai-chat.ts'

const encoder = new TextEncoder()

function sent(text: string, upstreamModel: string): string {
  return String(askChat(readChatCall({ bytes: encoder.encode(text) }), upstreamModel).body)
}

/** A key as some client may write it: plainly, or with an escape where none is needed. */
function keyText(key: string, isHard: boolean): string {
  if (!isHard) return JSON.stringify(key)
  return `"\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(key.slice(1)).slice(1)}`
}

const nested = fc.constantFrom(
  '{"model":"inner"}',
  '[{"type":"function","function":{"parameters":{"properties":{"model":{"type":"string"}}}}}]',
  '"model"',
  '"a \\"model\\": \\"x\\" b"',
  '{"a\\"model":"zzz"}',
  '{"stream_options":{"include_usage":false}}',
  '"größer 👍 \\ud800"',
  '[{"model":"x","mod\\u0065l":"y"}]',
)
const member = fc.oneof(
  fc.tuple(fc.constant('model'), fc.constantFrom('"m"', '"m\\u0021"', '"größe"', '"a\\"b"')),
  fc.tuple(fc.constantFrom('metadata', 'tools', 'user', 'x', 'a"model', '__proto__', 'constructor'), nested),
  fc.tuple(fc.constant('stream'), fc.constantFrom('true', 'true', 'false', 'null')),
  fc.tuple(fc.constant('stream_options'), fc.constantFrom('null', '{}', '{"include_usage":false}', '{"include_usage":true,"model":1}')),
  fc.tuple(fc.constant('max_tokens'), fc.constantFrom('1', '5', 'null')),
  fc.tuple(fc.constant('seed'), fc.constantFrom('1', '-0', '1.50')),
)
const space = fc.constantFrom('', ' ', '\n  ', '\t', '\r\n')
const request = fc
  .tuple(fc.array(fc.tuple(member, fc.boolean(), space), { maxLength: 7 }), fc.nat(7), fc.nat(7), space)
  .map(([members, modelAt, messagesAt, around]) => {
    const texts = members.map(([[key, value], isHard, gap]) => `${gap}${keyText(key, isHard)}${gap}:${gap}${value}${gap}`)
    texts.splice(modelAt, 0, `${around}"model":"first"`)
    texts.splice(messagesAt, 0, '"messages":[{"role":"user","content":"say \\"model\\""}]')
    return `${around}{${texts.join(',')}}${around}`
  })

/** Top-level members in a map, so that `__proto__` is a key like any other. */
function parsed(text: string): Map<string, unknown> {
  return new Map(Object.entries(JSON.parse(text)))
}

describe('the body for the upstream', () => {
  test('is the request as JSON.parse reads it, but for model and include_usage', () => {
    fc.assert(
      fc.property(request, fc.constantFrom('first', 'upstream/größer "x"$&', 'm'), (text, upstreamModel) => {
        const before = parsed(text)
        const streams = before.get('stream') === true
        fc.pre(streams || !before.get('stream_options'))
        const expected = new Map(before).set('model', upstreamModel)
        if (streams) expected.set('stream_options', { ...(before.get('stream_options') ?? {}), include_usage: true })
        expect(parsed(sent(text, upstreamModel))).toEqual(expected)
      }),
      { numRuns: 3_000 },
    )
  })

  test('is the same text when nothing is to be changed', () => {
    const text = ' {"model" : "m", "seed": 12345678901234567890,\n"messages":[{"content":"\\u0041"}] } '
    expect(sent(text, 'm')).toBe(text)
    const shows = '{"stream":true,"stream_options":{"include_usage":true},"model":"m","messages":[{}]}'
    expect(sent(shows, 'm')).toBe(shows)
  })

  test('keeps all of the text but the two values, such as numbers too large to read', () => {
    expect(sent('{"seed":12345678901234567890,"model": "m","messages":[{}],"stream":true}', 'u')).toBe(
      '{"stream_options":{"include_usage":true},"seed":12345678901234567890,"model":"u","messages":[{}],"stream":true}',
    )
    expect(sent('{"model":"m","messages":[{}],"stream":true,"stream_options":{"include_obfuscation":false}}', 'm')).toBe(
      '{"model":"m","messages":[{}],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
    )
  })

  test('renames the model where it counts, not a nested one of the same name', () => {
    expect(JSON.parse(sent('{"mod\\u0065l":"m","metadata":{"model":"other"},"messages":[{}]}', 'u'))).toEqual({
      model: 'u',
      metadata: { model: 'other' },
      messages: [{}],
    })
  })

  test.each([
    ['n', '{"model":"m","n":128,"messages":[{}],"n":1}'],
    ['max_tokens', '{"model":"m","max_tokens":100000,"messages":[{}],"max_\\u0074okens":1}'],
    ['messages', '{"model":"m","messages":[{"content":[{"type":"file"}]}],"messages":[{}]}'],
    ['service_tier', '{"model":"m","service_tier":"priority","messages":[{}],"service_tier":"auto"}'],
  ])('has one %s, whichever of two an upstream would read', (key, text) => {
    const body = sent(text, 'm')
    expect(body.split(`"${key}"`)).toHaveLength(2)
    expect(parsed(body).get(key)).toEqual(parsed(text).get(key))
  })

  test('is written at any depth', () => {
    const deep = `${'[{"model":'.repeat(20_000)}1${'}]'.repeat(20_000)}`
    const text = `{"model":"m","metadata":${deep},"messages":[{}],"stream":true,"stream_options":{"x":${deep}}}`
    const body = sent(text, 'u')
    expect(body).toContain('"model":"u"')
    expect(body).toContain('"stream_options":{"include_usage":true,"x":')
    expect(body.length).toBe(text.length + '"include_usage":true,'.length)
  })
})
