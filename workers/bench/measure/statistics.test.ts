import { expect, test } from 'vitest'
import { median, medianDifference, medianRatio, percentile } from './statistics.ts'

test('a percentile is a sample by nearest rank, whatever the order', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(percentile(samples, 0.5)).toBe(50)
  expect(percentile(samples, 0.99)).toBe(99)
  expect(percentile(samples, 1)).toBe(100)
  expect(percentile(samples, 0)).toBe(1)
  expect(percentile([7], 0.99)).toBe(7)
})

test('samples are sorted as numbers, not as text', () => {
  expect(percentile([10, 9, 100], 0.5)).toBe(10)
  expect(median([10, 9, 100])).toBe(10)
})

test('the median of an even number of samples lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('nothing has neither median nor percentile', () => {
  expect(() => median([])).toThrow()
  expect(() => percentile([], 0.5)).toThrow()
})

test('ratios and differences are taken within each round', () => {
  const rounds = [
    { above: 1, below: 2 },
    { above: 30, below: 40 },
    { above: 50, below: 500 },
  ]
  expect(medianRatio(rounds)).toBe(0.5) // The ratio of the medians would be 30 / 40.
  expect(medianDifference(rounds)).toBe(-10)
})
