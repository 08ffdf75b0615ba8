import { describe, expect, test } from 'vitest'
import { ApiError } from '#workers/edge/api-error.ts'
import { attemptsMost, attemptsMs } from '../limits.ts'
import { ownOffers } from '../own-keys/own-offers.ts'
import { modelOf, offerOf, routeOf } from '../testing/offer.ts'
import { credentialOf } from '../testing/own-keys.ts'
import { Attempts } from './attempts.ts'
import { type FailureFacts, UpstreamFailure } from './failure.ts'
import type { Offer } from './offers.ts'
import { RouteHealth } from './route-health.ts'

const offers = ['a', 'b', 'c', 'd', 'e', 'f'].map((routeId) => offerOf({ routeId, upstream: `up-${routeId}` }))

function failure(facts: Partial<FailureFacts> = {}): UpstreamFailure {
  return new UpstreamFailure(new ApiError('upstream_unavailable'), { outcome: 'overloaded', status: 503, mayMoveOn: true, ...facts })
}

/** Plays what each offer does, by its key; the others answer. */
function serve(
  plays: Record<string, UpstreamFailure | Error>,
  { startedAtMs = Date.now(), health = new RouteHealth(), from = offers } = {},
) {
  const attempts = new Attempts(health, startedAtMs)
  const asked: string[] = []
  const attempt = async ({ key }: Offer) => {
    asked.push(key)
    const failing = plays[key]
    if (failing) throw failing
    return key
  }
  return { attempts, asked, served: attempts.serve(from, new AbortController().signal, attempt) }
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

describe('an own account', () => {
  const credential = credentialOf({ credentialId: 'byk_a' })
  const model = modelOf({ routes: [routeOf({ routeId: 'a', upstream: 'up-a', byok: 'openai' })] })
  const own = ownOffers(model, credential)
  const refused = failure({ outcome: 'unauthorized', status: 401 })

  test('is named in its attempts and to the client, and ours is not', async () => {
    const { attempts, served } = serve({ 'a:byk_a': failure() }, { from: [...own, ...offers] })
    expect(await served).toBe('a')
    expect(attempts.list.map(({ credentialId }) => credentialId)).toEqual(['byk_a', undefined])
    expect(attempts.headers()).not.toHaveProperty('x-relay-credential')
    const alone = serve({}, { from: own })
    await alone.served
    expect(alone.attempts.headers()).toMatchObject({ 'x-relay-credential': 'byk_a', 'x-relay-route': 'a', 'x-relay-upstream': 'up-a' })
  })

  test.each([
    [
      'that its provider refuses is told with its id, as a fault of the customer',
      own,
      refused,
      'byok_key_refused',
      /\(byk_a\) was refused/,
    ],
    ['that is busy is told as any upstream', own, failure(), 'upstream_unavailable', /.*/],
    ['of ours that is refused is our fault', offers.slice(0, 1), refused, 'upstream_unavailable', /.*/],
  ])('%s', async (_, from, failing, code, message) => {
    const { served } = serve({ a: failing, 'a:byk_a': failing }, { from })
    await expect(served).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('that fails says nothing of ours at the same route, nor of another or its own next key', async () => {
    const health = new RouteHealth()
    await serve({ 'a:byk_a': failure({ outcome: 'rate_limited', coolMs: 60_000 }) }, { health, from: [...own, ...offers] }).served
    expect(['a:byk_a:1', 'a', 'a:byk_b:1', 'a:byk_a:2'].map((key) => health.isReady(key, Date.now()))).toEqual([false, true, true, true])
  })

  test('that answers is measured by itself', async () => {
    const health = new RouteHealth()
    const { attempts, served } = serve({}, { health, from: own })
    await served
    const ending = { costNanos: 0, estimated: false, capped: false, end: 'completed', status: 200, routeId: 'a', upstream: 'up-a' } as const
    attempts.measured({ ...ending, usage: { outputTokens: 50 }, latencyMs: 1_300, timeToFirstTokenMs: 300 })
    expect(health.paceOf('a:byk_a:1')).toMatchObject({ firstTokenMs: 300, tokensPerSecond: 50 })
    expect(health.paceOf('a').firstTokenMs).toBeNull()
  })
})
