import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newId, timeOfId } from './id.ts'

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

test('the time in an id is its millisecond exactly, and is read back', () => {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz'
  fc.assert(
    fc.property(times, (nowMs) => {
      const id = newId('key', nowMs)
      const read = [...id.slice(4, 14)].reduce((value, digit) => value * 32 + digits.indexOf(digit), 0)
      expect(read).toBe(nowMs)
      expect(timeOfId('key', id)).toBe(nowMs)
    }),
  )
})

test('a text that is no id of its kind has no time', () => {
  const id = newId('req')
  const others = ['', 'req_', id.slice(4), id.slice(0, -1), `${id}0`, `${id}\n`, ` ${id}`, id.toUpperCase(), id.replace('req', 'key')]
  for (const text of [...others, `req_8${id.slice(5)}`, `req_0u${id.slice(6)}`]) expect(timeOfId('req', text), text).toBeNull()
})

test('ids of one millisecond differ, in every one of their random digits', () => {
  const ids = Array.from({ length: 20_000 }, () => newId('req', 1_700_000_000_000))
  expect(new Set(ids).size).toBe(ids.length)
  for (let digit = 14; digit < 30; digit++) expect(new Set(ids.map((id) => id[digit])).size).toBe(32)
})
