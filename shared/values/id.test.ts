import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newId } from './id.ts'

const times = fc.integer({ min: 0, max: 2 ** 48 - 1 })

test('an id names what it is of, and has 26 digits of Crockford base32', () => {
  for (const prefix of ['org', 'key', 'req', 'usr', 'rte', 'prc', 'crd'] as const) {
    expect(newId(prefix)).toMatch(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`))
  }
})

test('an id made later sorts later', () => {
  fc.assert(
    fc.property(times, times, (one, other) => {
      fc.pre(one !== other)
      expect(newId('req', one) < newId('req', other)).toBe(one < other)
    }),
  )
})

test('the time in an id is its millisecond exactly', () => {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz'
  fc.assert(
    fc.property(times, (nowMs) => {
      const read = [...newId('key', nowMs).slice(4, 14)].reduce((value, digit) => value * 32 + digits.indexOf(digit), 0)
      expect(read).toBe(nowMs)
    }),
  )
})

test('ids of one millisecond differ, in every one of their random digits', () => {
  const ids = Array.from({ length: 20_000 }, () => newId('req', 1_700_000_000_000))
  expect(new Set(ids).size).toBe(ids.length)
  for (let digit = 14; digit < 30; digit++) expect(new Set(ids.map((id) => id[digit])).size).toBe(32)
})
