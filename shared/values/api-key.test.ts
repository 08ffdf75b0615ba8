import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generateApiKey, hashApiKey, isWellFormedApiKey, redactApiKey } from './api-key.ts'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The 256 bits of a key's secret, read back from its base62 digits. */
function secretOf(apiKey: string): bigint {
  return [...apiKey.slice(4, 47)].reduce((value, digit) => value * 62n + BigInt(alphabet.indexOf(digit)), 0n)
}

describe('a generated key', () => {
  test('reads rrk_ and 49 letters and digits, and passes its own check', () => {
    for (let round = 0; round < 1_000; round++) {
      const apiKey = generateApiKey()
      expect(apiKey).toMatch(/^rrk_[0-9A-Za-z]{49}$/)
      expect(isWellFormedApiKey(apiKey)).toBe(true)
    }
  })

  test('carries 256 random bits: each of them is sometimes 0 and sometimes 1, and none beyond', () => {
    let ones = 0n
    let zeros = 0n
    for (let round = 0; round < 200; round++) {
      const secret = secretOf(generateApiKey())
      expect(secret < 1n << 256n).toBe(true)
      ones |= secret
      zeros |= ~secret
    }
    const all = (1n << 256n) - 1n
    expect(ones).toBe(all)
    expect(zeros & all).toBe(all)
  })

  test('is never made twice', () => {
    expect(new Set(Array.from({ length: 5_000 }, generateApiKey)).size).toBe(5_000)
  })
})

describe('the checksum', () => {
  test('refuses every change of a single character', () => {
    const apiKey = generateApiKey()
    const wrong: string[] = []
    for (let at = 0; at < apiKey.length; at++) {
      for (const digit of `${alphabet}-_ é`) {
        if (digit === apiKey[at]) continue
        const changed = apiKey.slice(0, at) + digit + apiKey.slice(at + 1)
        if (isWellFormedApiKey(changed)) wrong.push(changed)
      }
    }
    expect(wrong).toEqual([])
  })

  test('refuses every transposition of two neighbours', () => {
    for (let round = 0; round < 50; round++) {
      const apiKey = generateApiKey()
      for (let at = 0; at + 1 < apiKey.length; at++) {
        if (apiKey[at] === apiKey[at + 1]) continue
        const swapped = apiKey.slice(0, at) + apiKey[at + 1] + apiKey[at] + apiKey.slice(at + 2)
        expect(isWellFormedApiKey(swapped), swapped).toBe(false)
      }
    }
  })

  test('is the CRC-32 of zlib in base62, so that others can check a leaked key', () => {
    expect(isWellFormedApiKey(`rrk_${'0'.repeat(43)}${checksumDigits(crcOf(`rrk_${'0'.repeat(43)}`))}`)).toBe(true)
    expect(isWellFormedApiKey(`rrk_${'z'.repeat(43)}${checksumDigits(crcOf(`rrk_${'z'.repeat(43)}`))}`)).toBe(true)
    expect(crcOf('123456789')).toBe(0xcbf43926)
  })

  test('refuses what is longer, shorter, of another prefix, or followed by anything', () => {
    const apiKey = generateApiKey()
    const others = ['', 'rrk_', apiKey.slice(1), apiKey.slice(0, -1), `${apiKey}0`, `${apiKey}\n`, ` ${apiKey}`, `${apiKey} `]
    for (const other of [...others, apiKey.replace('rrk_', 'rrK_'), apiKey.replace('rrk_', 'sk-_'), `${apiKey}\0`, '0'.repeat(53)]) {
      expect(isWellFormedApiKey(other), JSON.stringify(other)).toBe(false)
    }
  })

  test('refuses any text that was not made as a key', () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => !isWellFormedApiKey(text)))
    expect(isWellFormedApiKey('rrk_'.repeat(100_000))).toBe(false)
  })
})

test('a key is stored as its SHA-256 in lower-case hex', async () => {
  expect(await hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(await hashApiKey('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

test('a hash is not a key', async () => {
  expect(isWellFormedApiKey(await hashApiKey(generateApiKey()))).toBe(false)
})

test('what is shown of a key is its prefix, four digits and the last four', () => {
  const apiKey = generateApiKey()
  expect(redactApiKey(apiKey)).toBe(`rrk_${apiKey.slice(4, 8)}…${apiKey.slice(49)}`)
  expect(redactApiKey(apiKey)).toHaveLength(13)
})

/** CRC-32 bit by bit, as the standard defines it: a second opinion on the table of the code. */
function crcOf(text: string): number {
  let value = 0xffffffff
  for (const character of text) {
    value ^= character.charCodeAt(0)
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0)
  }
  return (value ^ 0xffffffff) >>> 0
}

function checksumDigits(value: number): string {
  let text = ''
  for (let rest = value, digit = 0; digit < 6; digit++, rest = Math.floor(rest / 62)) text = alphabet.charAt(rest % 62) + text
  return text
}
