import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkedNanos, formatUsd, maxAmountNanos, Nanos, parseUsd, SignedNanos } from './money.ts'

const amounts = fc.integer({ min: -maxAmountNanos, max: maxAmountNanos })

describe('dollars as text', () => {
  test('every amount survives being written and read', () => {
    fc.assert(
      fc.property(amounts, (amountNanos) => {
        expect(parseUsd(formatUsd(amountNanos))).toBe(amountNanos)
      }),
    )
  })

  test('an amount is written exactly, with cents at least and no zeros beyond them', () => {
    fc.assert(
      fc.property(amounts, (amountNanos) => {
        const text = formatUsd(amountNanos)
        expect(text).toMatch(/^-?\d+\.(\d\d|\d{2,8}[1-9])$/)
        const [whole = '', fraction = ''] = text.replace('-', '').split('.')
        expect(BigInt(whole + fraction.padEnd(9, '0'))).toBe(BigInt(Math.abs(amountNanos)))
        expect(text.startsWith('-')).toBe(amountNanos < 0)
      }),
    )
  })

  test.each([
    [0, '0.00'],
    [-0, '0.00'],
    [1, '0.000000001'],
    [-1, '-0.000000001'],
    [12_340_000_000, '12.34'],
    [10_000_000, '0.01'],
    [1_000_000, '0.001'],
    [maxAmountNanos, '4500000.00'],
    [-maxAmountNanos, '-4500000.00'],
  ])('%d nano-dollars are written %s', (amountNanos, text) => {
    expect(formatUsd(amountNanos)).toBe(text)
  })

  test.each([
    ['12.34', 12_340_000_000],
    ['12', 12_000_000_000],
    ['-0.5', -500_000_000],
    ['007.10', 7_100_000_000],
    ['0.000000001', 1],
    ['4500000.000000000', maxAmountNanos],
    ['-4500000', -maxAmountNanos],
  ])('%s dollars are read as %d nano-dollars', (text, amountNanos) => {
    expect(parseUsd(text)).toBe(amountNanos)
  })

  test('zero has no sign', () => {
    expect(Object.is(parseUsd('-0.00'), 0)).toBe(true)
  })

  test.each([
    ['4500000.000000001', 'one nano-dollar too much'],
    ['-4500000.000000001', 'one nano-dollar too little'],
    ['999999999.999999999', 'all nines, where a float would be inexact'],
    ['9999999999', 'ten digits'],
    ['0.0000000001', 'ten places'],
    ['', 'nothing'],
    ['.5', 'no whole part'],
    ['5.', 'no fraction after the point'],
    ['1e3', 'an exponent'],
    ['+1', 'a plus sign'],
    ['--1', 'two signs'],
    ['1,000', 'a thousands separator'],
    [' 1', 'a space before'],
    ['1\n', 'a line feed after'],
    ['0x10', 'hexadecimal'],
    ['NaN', 'no number'],
    ['Infinity', 'no end'],
    ['$1', 'a currency sign'],
    ['١', 'a digit that is not ASCII'],
  ])('%j is refused: %s', (text) => {
    expect(parseUsd(text)).toBeNull()
  })
})

describe('the range of an amount', () => {
  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, maxAmountNanos + 1, -maxAmountNanos - 1, 2 ** 53])('%d is no amount', (amount) => {
    expect(() => checkedNanos(amount)).toThrow('out of range')
    expect(() => formatUsd(amount)).toThrow('out of range')
    expect(SignedNanos.safeParse(amount).success).toBe(false)
    expect(Nanos.safeParse(amount).success).toBe(false)
  })

  test('the sum of two amounts is a safe integer', () => {
    expect(Number.isSafeInteger(maxAmountNanos + maxAmountNanos)).toBe(true)
    expect(checkedNanos(maxAmountNanos)).toBe(maxAmountNanos)
    expect(checkedNanos(-maxAmountNanos)).toBe(-maxAmountNanos)
  })

  test('only a signed amount may be negative', () => {
    expect(Nanos.safeParse(-1).success).toBe(false)
    expect(SignedNanos.safeParse(-1).success).toBe(true)
    expect(Nanos.safeParse('1').success).toBe(false)
  })
})
