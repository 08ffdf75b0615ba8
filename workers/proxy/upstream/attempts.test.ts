import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { attemptsMost, attemptsMs } from '../limits.ts'
import { offerOf } from '../testing/offer.ts'
import { Attempts } from './attempts.ts'
import { type FailureFacts, UpstreamFailure } from './failure.ts'
import type { Offer } from './offers.ts'
import { RouteHealth } from './route-health.ts'

const offers = ['a', 'b', 'c', 'd', 'e', 'f'].map((routeId) => offerOf({ routeId, upstream: `up-${routeId}` }))

function failure(facts: Partial<FailureFacts> = {}): UpstreamFailure {
  return new UpstreamFailure(new ApiError('upstream_unavailable'), { outcome: 'overloaded', status: 503, mayMoveOn: true, ...facts })
}

/** Plays what each route does, by its name; the others answer. */
function serve(plays: Record<string, UpstreamFailure | Error>, { startedAtMs = Date.now(), health = new RouteHealth() } = {}) {
  const attempts = new Attempts(health, startedAtMs)
  const asked: string[] = []
  const attempt = async ({ route }: Offer) => {
    asked.push(route.routeId)
    const failing = plays[route.routeId]
    if (failing) throw failing
    return route.routeId
  }
  return { attempts, asked, served: attempts.serve(offers, new AbortController().signal, attempt) }
}

describe('a request', () => {
  test('is served by the first route that can, each asked once, and every attempt is told of', async () => {
    const { attempts, served } = serve({ a: failure({ outcome: 'rate_limited', status: 429 }), b: failure({ trace: 'trace-b' }) })
    expect(await served).toBe('c')
    expect(attempts.list).toMatchObject([
      { routeId: 'a', upstream: 'up-a', outcome: 'rate_limited', status: 429, costNanos: 0 },
      { routeId: 'b', upstream: 'up-b', outcome: 'overloaded', status: 503, costNanos: 0, trace: 'trace-b' },
      { routeId: 'c', upstream: 'up-c', outcome: 'answered', status: 200, costNanos: null },
    ])
    expect(attempts.headers()).toMatchObject({ 'x-relay-route': 'c', 'x-relay-upstream': 'up-c', 'x-relay-attempts': '3' })
  })

  test('whose whole answer is settled before its attempt has ended tells of that attempt too', async () => {
    const attempts = new Attempts(new RouteHealth(), Date.now())
    await attempts.serve(offers, new AbortController().signal, async ({ route }) => {
      if (route.routeId === 'a') throw failure()
      expect(attempts.soFar()).toMatchObject([{ routeId: 'a', outcome: 'overloaded' }])
      attempts.answered({ trace: 'trace-b' })
      expect(attempts.soFar()).toMatchObject([{ routeId: 'a' }, { routeId: 'b', outcome: 'answered', status: 200, trace: 'trace-b' }])
    })
    expect(attempts.soFar()).toEqual(attempts.list)
    expect(attempts.list).toHaveLength(2)
  })

  test('is not sent elsewhere when work may have been done for it', async () => {
    const { attempts, asked, served } = serve({ a: failure({ outcome: 'unreachable', status: null, mayMoveOn: false }) })
    await expect(served).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(asked).toEqual(['a'])
    expect(attempts.list).toMatchObject([{ outcome: 'unreachable', costNanos: null }])
  })

  test('has a budget of attempts', async () => {
    const all = Object.fromEntries(offers.map(({ route }) => [route.routeId, failure()]))
    const { asked, served } = serve(all)
    await expect(served).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(asked).toHaveLength(attemptsMost)
  })

  test('has a budget of time, after which no further attempt begins', async () => {
    const { asked, served } = serve({ a: failure() }, { startedAtMs: Date.now() - attemptsMs - 1 })
    await expect(served).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(asked).toEqual(['a'])
  })

  test('that meets a fault of ours ends with it, and counts as a failed attempt', async () => {
    const { attempts, asked, served } = serve({ a: new Error('a defect') })
    await expect(served).rejects.toThrow('a defect')
    expect([asked, attempts.list[0]?.outcome]).toEqual([['a'], 'failed'])
  })

  test('tells the health of its routes', async () => {
    const health = new RouteHealth()
    await serve({ a: failure({ outcome: 'rate_limited', coolMs: 60_000 }) }, { health }).served
    expect([health.isReady('a', Date.now()), health.isReady('b', Date.now())]).toEqual([false, true])
  })
})
