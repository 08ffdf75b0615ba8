import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { presentedKey } from './presented-key.ts'

/** The key that is found, or the code of the refusal. */
function found(headers: [string, string][], query = ''): string {
  try {
    return presentedKey(new Request(`https://relay.example/v1/models${query}`, { headers }))
  } catch (error) {
    if (error instanceof ApiError) return error.code
    throw error
  }
}

const names = ['authorization', 'x-api-key', 'x-goog-api-key'] as const
/** What a header may say: nothing, one key, the other, or an empty text. */
const says = [null, 'one', 'two', ''] as const

describe('the key of a request', () => {
  test('is the one that is sent, in any headers; two that differ are refused', () => {
    for (const authorization of [null, 'one', 'two'] as const) {
      for (const anthropic of says) {
        for (const gemini of says) {
          const sent = [authorization, anthropic, gemini]
          const headers = names.flatMap((name, at): [string, string][] => {
            const key = sent[at]
            return key === null || key === undefined ? [] : [[name, name === 'authorization' ? `Bearer ${key}` : key]]
          })
          const keys = new Set(sent.filter((key) => key !== null && key !== ''))
          const [only = 'missing_api_key'] = keys
          expect(found(headers), JSON.stringify(headers)).toBe(keys.size > 1 ? 'conflicting_api_keys' : only)
        }
      }
    }
  })

  test.each([
    ['Bearer one', 'one'],
    ['bearer one', 'one'],
    ['BEARER    one', 'one'],
    ['Bearer one  ', 'one'],
    ['Bearer', 'invalid_api_key'],
    ['', 'invalid_api_key'],
    ['one', 'invalid_api_key'],
    ['Basic b25lOg==', 'invalid_api_key'],
    ['Bearer one two', 'invalid_api_key'],
    ['Bearer one, Bearer one', 'invalid_api_key'],
    ['Bearer one,Basic x', 'invalid_api_key'],
    ['Bearer\tone', 'invalid_api_key'],
    ['Bearerone', 'invalid_api_key'],
    ["Bearer ' or 1=1 --", 'invalid_api_key'],
    [`Bearer ${'a'.repeat(10_240)}`, 'a'.repeat(10_240)],
    [`Bearer${' '.repeat(10_240)}`, 'invalid_api_key'],
    [`Bearer ${'a '.repeat(5_120)}`, 'invalid_api_key'],
  ])('of the header "%.40s" is %.40s', (authorization, expected) => {
    expect(found([['authorization', authorization]])).toBe(expected)
  })

  test('sent in two headers of one name is not taken for one', () => {
    const twice: [string, string][] = [
      ['authorization', 'Bearer one'],
      ['authorization', 'Bearer two'],
    ]
    expect(found(twice)).toBe('invalid_api_key')
    expect(
      found([
        ['x-api-key', 'one'],
        ['x-api-key', 'two'],
      ]),
    ).toBe('one, two')
  })

  test('with a NUL never gets as far as here', () => {
    expect(() => found([['authorization', 'Bearer one\0two']])).toThrow(TypeError)
  })
})

describe('a key in the URL', () => {
  const bearer: [string, string][] = [['authorization', 'Bearer one']]

  test.each([
    '?key=one',
    '?KEY=one',
    '?Api_Key=one',
    '?api-key=one',
    '?apikey=one',
    '?access_token=one',
    '?x-api-key=one',
    '?X-Goog-Api-Key=one',
    '?%6Bey=one',
    '?%61%70%69_key',
    '?key',
    '?key=',
    '?a=1&b=2&key=one',
    '??a&key=one',
    '?key=one#key',
  ])('is refused: %s, with and without a header', (query) => {
    expect([found(bearer, query), found([], query)]).toEqual(['api_key_in_query', 'api_key_in_query'])
  })

  test.each(['', '?', '?monkey=1', '?keys=1', '?a=key', '?key%20=1', '#?key=one', '?%'])('is not meant by %s', (query) => {
    expect(found(bearer, query)).toBe('one')
  })
})
