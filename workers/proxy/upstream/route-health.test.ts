import { describe, expect, test } from 'vitest'
import { circuitOpenMs, circuitVolume, circuitWindowMs } from '../limits.ts'
import { RouteHealth } from './route-health.ts'

/** A route that has failed so often, at once. */
function failed(times: number, atMs = 0): RouteHealth {
  const health = new RouteHealth()
  for (let index = 0; index < times; index++) health.ended('r', 'failed', null, atMs)
  return health
}

describe('a route', () => {
  test('cools for as long as it says after a 429, and for a while when it does not say', () => {
    const health = new RouteHealth()
    health.ended('r', 'rate_limited', 7_000, 0)
    expect([health.isReady('r', 6_999), health.isReady('r', 7_000)]).toEqual([false, true])
    health.ended('r', 'rate_limited', null, 10_000)
    expect([health.isReady('r', 10_001), health.isReady('r', 60_000)]).toEqual([false, true])
  })

  test('is open after enough failures, and not before', () => {
    expect(failed(circuitVolume - 1).isReady('r', 1)).toBe(true)
    expect(failed(circuitVolume).isReady('r', 1)).toBe(false)
  })

  test('is not open for failures among more successes, for old ones, or for what is the fault of the request', () => {
    const health = new RouteHealth()
    for (let index = 0; index < circuitVolume; index++) {
      health.ended('r', 'answered', null, 0)
      if (index > 0) health.ended('r', 'failed', null, 0)
    }
    expect(health.isReady('r', 1)).toBe(true)
    const old = failed(circuitVolume - 1)
    old.ended('r', 'failed', null, circuitWindowMs + 1)
    expect(old.isReady('r', circuitWindowMs + 2)).toBe(true)
    const refused = new RouteHealth()
    for (let index = 0; index < 3 * circuitVolume; index++) refused.ended('r', 'refused', null, 0)
    expect(refused.isReady('r', 1)).toBe(true)
  })

  test('is open at once when its credential does not work', () => {
    const health = new RouteHealth()
    health.ended('r', 'unauthorized', null, 0)
    expect([health.isReady('r', 1), health.isReady('other', 1)]).toEqual([false, true])
  })

  test('is probed by one request at a time, whose success closes it and whose failure keeps it open', () => {
    const health = failed(circuitVolume)
    expect(health.isReady('r', circuitOpenMs)).toBe(true)
    health.began('r', circuitOpenMs)
    expect(health.isReady('r', circuitOpenMs + 1)).toBe(false)
    health.ended('r', 'failed', null, circuitOpenMs + 2)
    expect(health.isReady('r', circuitOpenMs + 3)).toBe(false)
    const againMs = 2 * circuitOpenMs + 2
    expect(health.isReady('r', againMs)).toBe(true)
    health.began('r', againMs)
    health.ended('r', 'answered', null, againMs + 5)
    expect(health.isReady('r', againMs + 6)).toBe(true)
    health.ended('r', 'failed', null, againMs + 7)
    expect(health.isReady('r', againMs + 8)).toBe(true)
  })

  test('frees the place of a probe that is never heard of, or that was the fault of its request', () => {
    const health = failed(circuitVolume)
    health.began('r', circuitOpenMs)
    expect(health.isReady('r', 2 * circuitOpenMs)).toBe(true)
    health.began('r', 2 * circuitOpenMs)
    health.ended('r', 'refused', null, 2 * circuitOpenMs + 1)
    expect(health.isReady('r', 2 * circuitOpenMs + 2)).toBe(true)
  })

  test('is as fast as it was of late', () => {
    const health = new RouteHealth()
    expect(health.paceOf('r')).toEqual({ firstTokenMs: null, tokensPerSecond: null })
    for (let index = 0; index < 50; index++) health.measured('r', { firstTokenMs: 100, tokensPerSecond: null })
    for (let index = 0; index < 30; index++) health.measured('r', { firstTokenMs: 500, tokensPerSecond: 20 })
    expect(health.paceOf('r').firstTokenMs).toBeGreaterThan(450)
    expect(health.paceOf('r').tokensPerSecond).toBe(20)
  })
})
