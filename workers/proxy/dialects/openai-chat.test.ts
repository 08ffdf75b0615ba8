import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { imageTokens } from '../limits.ts'
import { readChatCall } from './openai-chat.ts'

const encoder = new TextEncoder()
const messages = [{ role: 'user', content: 'hi' }]
const least = { model: 'm', messages }

function read(body: unknown) {
  return readChatCall({ bytes: encoder.encode(typeof body === 'string' ? body : JSON.stringify(body)) })
}

function elapsedMs(work: () => void): number {
  const startedAtMs = performance.now()
  work()
  return performance.now() - startedAtMs
}

/** What the client is told of a body that is refused. */
function refusal(body: unknown): { status: number; code: string; param: string | null; message: string } {
  try {
    if (body instanceof Uint8Array) readChatCall({ bytes: body })
    else read(body)
  } catch (error) {
    if (error instanceof ApiError)
      return { status: error.status, code: error.code, param: error.details.param ?? null, message: error.message }
    throw error
  }
  throw new Error('the body was taken')
}

describe('a chat completion request', () => {
  test('is read with the defaults of the API', () => {
    expect(read(least)).toMatchObject({ model: 'm', answer: 'json', showsUsage: false, choices: 1, maxOutputTokens: null })
    const unset = { stream: null, stream_options: null, max_tokens: null, max_completion_tokens: null, n: null, service_tier: null }
    expect(read({ ...least, ...unset, store: null })).toMatchObject({ answer: 'json', choices: 1, maxOutputTokens: null })
  })

  test('tells what it may cost', () => {
    const call = read({ ...least, stream: true, stream_options: { include_usage: true }, max_completion_tokens: 7, n: 3 })
    expect(call).toMatchObject({ answer: 'events', showsUsage: true, choices: 3, maxOutputTokens: 7 })
    expect(read({ ...least, max_tokens: 9, max_completion_tokens: null }).maxOutputTokens).toBe(9)
    expect(read({ ...least, stream: true, stream_options: { include_usage: false } }).showsUsage).toBe(false)
  })

  test('is bounded by its bytes, not by its characters', () => {
    const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: '漢字👍' }] })
    const call = read(text)
    expect(call.bodyBytes).toBe(encoder.encode(text).length)
    expect(call.inputTokensBound).toBe(call.bodyBytes)
  })

  test.each([
    ['model', {}],
    ['model', { model: '' }],
    ['model', { model: 5 }],
    ['model', { model: null }],
    ['model', { model: 'm'.repeat(257) }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hi' }],
    ['messages', { messages: null }],
    ['messages', { messages: { 0: messages[0] } }],
    ['stream', { stream: 'true' }],
    ['stream', { stream: 1 }],
    ['stream_options', { stream_options: {} }],
    ['stream_options', { stream_options: { include_usage: true }, stream: false }],
    ['stream_options', { stream_options: [], stream: true }],
    ['stream_options.include_usage', { stream_options: { include_usage: 1 }, stream: true }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: -1 }],
    ['max_tokens', { max_tokens: 1.5 }],
    ['max_tokens', { max_tokens: '10' }],
    ['max_tokens', { max_tokens: 2 ** 53 }],
    ['max_tokens', { max_tokens: 5, max_completion_tokens: 5 }],
    ['max_completion_tokens', { max_completion_tokens: 0 }],
    ['n', { n: 0 }],
    ['n', { n: 129 }],
    ['n', { n: '1' }],
    ['service_tier', { service_tier: 'priority' }],
    ['service_tier', { service_tier: 'flex' }],
    ['store', { store: true }],
    ['web_search_options', { web_search_options: {} }],
    ['web_search_options', { web_search_options: null }],
  ])('with a bad %s is refused by name: %j', (param, fields) => {
    const body = Object.keys(fields).length === 0 ? { messages } : { ...least, ...fields }
    expect(refusal(body)).toMatchObject({ status: 400, code: 'invalid_request', param })
  })

  test.each(['1e400', '-1e400', '1e-5', '01', '0x1'])('with max_tokens %s is refused', (number) => {
    expect(refusal(`{"model":"m","messages":[{}],"max_tokens":${number}}`).status).toBe(400)
  })

  test('takes what is allowed at the edges of its rules', () => {
    expect(read({ ...least, n: 128, max_tokens: 1, service_tier: 'auto', store: false, model: 'm'.repeat(256) }).choices).toBe(128)
    expect(read({ ...least, service_tier: 'default', temperature: 9, invented_field: [{ model: 'x' }] }).model).toBe('m')
  })
})

describe('images and parts', () => {
  const image = { type: 'image_url', image_url: { url: 'https://x.example/a.png' } }
  const withParts = (...content: unknown[]) => ({ model: 'm', messages: [{ role: 'user', content }] })

  test('every image adds its bound, in every message', () => {
    const call = read({
      model: 'm',
      messages: [...withParts(image, { type: 'text', text: 'x' }, image).messages, ...withParts(image).messages],
    })
    expect(call.inputTokensBound).toBe(call.bodyBytes + 3 * imageTokens)
  })

  test('an image is counted however its keys are written', () => {
    const text = JSON.stringify(withParts(image))
    const escaped = text.replace('"type"', '"\\u0074ype"').replace('"image_url"', '"image\\u005furl"')
    const call = read(escaped)
    expect(call.inputTokensBound).toBe(call.bodyBytes + imageTokens)
  })

  test.each(['file', 'input_file', 'video_url', 'tool_result', 'document', 'IMAGE_URL', '', 5, null, undefined])(
    'a part of type %j is refused, because nothing bounds its tokens',
    (type) => {
      expect(refusal({ model: 'm', messages: [messages[0], ...withParts({ type, text: 'x' }).messages] })).toMatchObject({
        status: 400,
        param: 'messages.1.content',
      })
    },
  )

  test('a part that hides its type behind an escaped key is refused all the same', () => {
    expect(refusal('{"model":"m","messages":[{"content":[{"t\\u0079pe":"file","file":{}}]}]}').status).toBe(400)
  })

  test.each([['text'], ['refusal'], ['input_audio']])('a part of type %s passes', (type) => {
    expect(read(withParts({ type })).inputTokensBound).toBeLessThan(200)
  })

  test.each([
    ['an object without a text', { toString: null, valueOf: null }],
    ['an array that is deep', JSON.parse(`${'['.repeat(9_000)}${']'.repeat(9_000)}`)],
    ['a text without an end', 'x'.repeat(1_000_000)],
  ])('a type that is %s gets a short answer', (_, type) => {
    // Written by hand, because JSON.stringify does not take the depth.
    const typeText = Array.isArray(type) ? `${'['.repeat(9_000)}${']'.repeat(9_000)}` : JSON.stringify(type)
    const { status, message } = refusal(`{"model":"m","messages":[{"content":[{"type":${typeText}}]}]}`)
    expect(status).toBe(400)
    expect(message.length).toBeLessThan(200)
  })

  test.each([['text'], [['text']], [[null]], [[[]]], [[5]]])('a content of bare parts %j is refused or has no images', (content) => {
    const body = { model: 'm', messages: [{ role: 'user', content }] }
    if (content === 'text') expect(read(body).inputTokensBound).toBeLessThan(100)
    else expect(refusal(body).status).toBe(400)
  })

  test('a content that is an object is refused: its parts would not be counted', () => {
    expect(refusal({ model: 'm', messages: [{ role: 'user', content: image }] })).toMatchObject({
      status: 400,
      param: 'messages.0.content',
    })
  })
})

describe('what is no JSON in UTF-8', () => {
  const whole = encoder.encode(JSON.stringify(least))
  const utf16 = new Uint8Array(new Uint16Array([...JSON.stringify(least)].map((character) => character.charCodeAt(0))).buffer)

  test.each([
    ['nothing', new Uint8Array(0)],
    ['a text cut off', whole.slice(0, -1)],
    ['a byte order mark before it', new Uint8Array([0xef, 0xbb, 0xbf, ...whole])],
    ['UTF-16', utf16],
    ['UTF-16 with its mark', new Uint8Array([0xff, 0xfe, ...utf16])],
    ['a lone surrogate in UTF-8', encoder.encode('{"model":"x?').map((byte) => (byte === 63 ? 0xed : byte))],
    ['an overlong slash', new Uint8Array([...whole.slice(0, 10), 0xc0, 0xaf, ...whole.slice(10)])],
    ['something after it', new Uint8Array([...whole, 33])],
    ['NUL after it', new Uint8Array([...whole, 0])],
    ['single quotes', encoder.encode("{'model':'m'}")],
    ['a comma too many', encoder.encode('{"model":"m",}')],
  ])('%s is refused as invalid_json', (_, bytes) => {
    expect(refusal(bytes)).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  test.each(['null', '[]', '"text"', '5', 'true', '{}', '[{"model":"m"}]'])('JSON that is no request is refused: %s', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400, code: 'invalid_request' })
  })
})

describe('hostile bodies', () => {
  test('an escaped lone surrogate passes on as it was written', () => {
    const text = '{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}'
    expect(read(text).text).toBe(text)
  })

  test('a depth of 10,000 is read like any other', () => {
    expect(read(`{"model":"m","messages":[{}],"metadata":${'['.repeat(10_000)}${']'.repeat(10_000)}}`).model).toBe('m')
    expect(read(`{"model":"m","messages":[${'{"audio":'.repeat(10_000)}1${'}'.repeat(10_000)}]}`).model).toBe('m')
  })

  test('a million keys are refused, and a million keys below are read, without a pause', () => {
    const many = Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":1`).join(',')
    const bodies = [`{"model":"m","messages":[{}],${many}}`, `{"model":"m","messages":[{}],"metadata":{${many}}}`]
    const [flat = '', deep = ''] = bodies
    const parsedMs = elapsedMs(() => bodies.map((body) => JSON.parse(body)))
    const readMs = elapsedMs(() => {
      expect(refusal(flat)).toMatchObject({ status: 400, code: 'invalid_request' })
      expect(read(deep).model).toBe('m')
    })
    // Next to what parsing them takes anyway, on a machine however busy.
    expect(readMs / parsedMs).toBeLessThan(8)
  })

  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('%s is a key like any other', (key) => {
    const call = read(`{"${key}":{"stream":true,"n":128,"max_tokens":5},"model":"m","messages":[{"${key}":{"content":[{"type":"file"}]}}]}`)
    expect(call).toMatchObject({ answer: 'json', choices: 1, maxOutputTokens: null })
    expect(refusal(`{"__proto__":{"model":"m","messages":[{}]}}`)).toMatchObject({ status: 400, param: 'model' })
    expect(Object.hasOwn(Object.prototype, 'stream')).toBe(false)
  })

  test('of a field given twice the last counts', () => {
    expect(read('{"model":"a","max_tokens":1,"messages":[{}],"max_tokens":500,"mod\\u0065l":"b"}')).toMatchObject({
      model: 'b',
      maxOutputTokens: 500,
    })
  })
})
