import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ExpiringCache } from './expiring-cache.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('an entry is there until its time is up, and not at that moment', () => {
  const cache = new ExpiringCache<number>(10, 1_000)
  cache.set('a', 1)
  vi.advanceTimersByTime(999)
  expect(cache.get('a')).toBe(1)
  vi.advanceTimersByTime(1)
  expect(cache.get('a')).toBeUndefined()
})

test('reading an entry does not prolong it; setting it again does', () => {
  const cache = new ExpiringCache<number>(10, 1_000)
  cache.set('a', 1)
  vi.advanceTimersByTime(600)
  cache.get('a')
  cache.set('b', 1)
  cache.set('b', 2)
  vi.advanceTimersByTime(600)
  expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 2])
})

test('the oldest leaves when there are too many, and one set again is young', () => {
  const cache = new ExpiringCache<number>(2, 1_000)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('a', 3)
  cache.set('c', 4)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([3, undefined, 4])
})

test('setting a known key in a full cache throws nothing else out', () => {
  const cache = new ExpiringCache<number>(2, 1_000)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('b', 3)
  expect([cache.get('a'), cache.get('b')]).toEqual([1, 3])
})

test('a deleted entry is gone, and no name is special', () => {
  const cache = new ExpiringCache<number>(10, 1_000)
  cache.set('__proto__', 1)
  expect(cache.get('__proto__')).toBe(1)
  cache.delete('__proto__')
  expect([cache.get('__proto__'), cache.get('constructor')]).toEqual([undefined, undefined])
})
