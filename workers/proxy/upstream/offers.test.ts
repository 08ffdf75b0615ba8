import { describe, expect, test } from 'vitest'
import type { CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { readChatCall } from '../dialects/openai-chat.ts'
import { modelOf, price, routeOf } from '../testing/offer.ts'
import { type Offer, offersOf, type Wish } from './offers.ts'
import { RouteHealth } from './route-health.ts'

interface Asked {
  relay?: object
  health?: RouteHealth
  wish?: Partial<Wish>
  content?: string
  isBound?: boolean
  random?: () => number
}

/** The routes that one model's call is offered, best first. */
function offered(routes: Partial<CatalogueRoute>[], asked: Asked = {}): string[] {
  const { relay = {}, health = new RouteHealth(), wish = {}, content = 'hi', isBound = false, random = () => 0.5 } = asked
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], relay })
  const read = readChatCall({ bytes: new TextEncoder().encode(body) })
  const call = { ...read, conversation: { ...read.conversation, isBound } }
  const models = [modelOf({ routes: routes.map(routeOf) })]
  return idsOf(
    offersOf(models, { dialect: 'openai-chat', call, organizationId: 'org_1', pinnedKey: null, own: noOwn, ...wish }, health, random),
  )
}

/** A customer without credentials of its own. */
const noOwn = { credentials: [], fallback: false }

function idsOf(offers: Offer[]): string[] {
  return offers.map(({ route }) => route.routeId)
}

const named = (...ids: string[]) => ids.map((routeId) => ({ routeId, upstream: routeId }))

describe('what a call is offered', () => {
  test('is every route that speaks its dialect, the smallest priority first', () => {
    const routes = [
      { routeId: 'c', priority: 2 },
      { routeId: 'a', priority: 0 },
      { routeId: 'b', priority: 1 },
      { routeId: 'other', dialects: ['anthropic-messages' as const] },
    ]
    expect(offered(routes)).toEqual(['a', 'b', 'c'])
  })

  test('is refused with 400 that names where the model is served, when no route speaks the dialect', () => {
    expect(() => offered([{ dialects: ['anthropic-messages'] }])).toThrow(
      expect.objectContaining({ code: 'wrong_endpoint', status: 400, message: expect.stringContaining('POST /v1/messages') }),
    )
  })

  test('shares the load of one priority by weight', () => {
    let firsts = 0
    for (let index = 0; index < 4_000; index++) {
      const [first] = offered(
        [
          { routeId: 'heavy', weight: 3 },
          { routeId: 'light', weight: 1 },
        ],
        { content: `${index}` },
      )
      if (first === 'heavy') firsts += 1
    }
    expect(firsts / 4_000).toBeGreaterThan(0.7)
    expect(firsts / 4_000).toBeLessThan(0.8)
  })

  test('is the same for all requests of a conversation, and moves to the same other route while that one is not ready', () => {
    const routes = named('a', 'b', 'c')
    const first = offered(routes, { relay: { session: 's' } })
    for (const content of ['x', 'y']) expect(offered(routes, { relay: { session: 's' }, content })).toEqual(first)
    const health = new RouteHealth()
    health.ended(first[0] ?? '', 'rate_limited', 60_000, Date.now())
    expect(offered(routes, { relay: { session: 's' }, health })).toEqual([first[1], first[2], first[0]])
    const sessions = Array.from({ length: 60 }, (_, index) => offered(routes, { relay: { session: `s${index}` } })[0])
    expect(new Set(sessions)).toEqual(new Set(['a', 'b', 'c']))
  })

  test('puts last what is down by the last check, and never takes the only route away', () => {
    expect(
      offered([
        { routeId: 'down', isUp: false },
        { routeId: 'up', priority: 9 },
      ]),
    ).toEqual(['up', 'down'])
    expect(offered([{ routeId: 'down', isUp: false }])).toEqual(['down'])
  })

  test('keeps a bound conversation with one upstream, also when that is not ready', () => {
    const routes = [...named('a', 'b'), { routeId: 'a2', upstream: 'a', priority: 3 }, { routeId: 'b2', upstream: 'b', priority: 3 }]
    const kept = offered(routes, { isBound: true })
    expect([
      ['a', 'a2'],
      ['b', 'b2'],
    ]).toContainEqual(kept)
    const health = new RouteHealth()
    health.ended(kept[0] ?? '', 'rate_limited', 60_000, Date.now())
    expect(offered(routes, { isBound: true, health })).toEqual(kept.toReversed())
  })

  test('is only the route that has the stored answer, or a 400', () => {
    expect(offered(named('a', 'b', 'c'), { wish: { pinnedKey: 'b' } })).toEqual(['b'])
    expect(() => offered(named('a'), { wish: { pinnedKey: 'gone' } })).toThrow(expect.objectContaining({ code: 'no_route' }))
  })
})

describe('the wishes of a client', () => {
  const routes = [
    { routeId: 'us', upstream: 'big', region: 'us', price: { ...price, outputPicos: 30_000 } },
    { routeId: 'eu', upstream: 'small', region: 'eu', priority: 1 },
    { routeId: 'nowhere', upstream: 'other', priority: 2, price: { ...price, outputPicos: 1_000 } },
  ]

  test.each([
    ['regions', { regions: ['eu', 'ch'] }, ['eu']],
    ['only some providers', { providers: { only: ['other', 'big'] } }, ['us', 'nowhere']],
    ['not some providers', { providers: { ignore: ['big'] } }, ['eu', 'nowhere']],
    ['some providers first', { providers: { order: ['other', 'small'] } }, ['nowhere', 'eu', 'us']],
    ['the cheapest first', { sort: 'price' }, ['nowhere', 'eu', 'us']],
    ['no other route', { fallback: false }, ['us']],
  ])('are met: %s', (_, relay, expected) => {
    expect(offered(routes, { relay })).toEqual(expected)
  })

  test.each([
    ['latency', ['nowhere', 'eu', 'us']],
    ['throughput', ['eu', 'us', 'nowhere']],
  ])('for %s are met by what was measured', (sort, expected) => {
    const health = new RouteHealth()
    health.measured('us', { firstTokenMs: 900, tokensPerSecond: 50 })
    health.measured('eu', { firstTokenMs: 300, tokensPerSecond: 90 })
    health.measured('nowhere', { firstTokenMs: 100, tokensPerSecond: 10 })
    expect(offered(routes, { relay: { sort }, health })).toEqual(expected)
  })

  test('that leave no route are a 400', () => {
    expect(() => offered(routes, { relay: { regions: ['ch'] } })).toThrow(expect.objectContaining({ code: 'no_route', status: 400 }))
  })

  test('for other models come after the routes of the model that was asked for', () => {
    const call = readChatCall({ bytes: new TextEncoder().encode('{"model":"m","messages":[{}]}') })
    const models = [modelOf({ id: 'm', routes: named('a', 'b').map(routeOf) }), modelOf({ id: 'n', routes: [routeOf({ routeId: 'c' })] })]
    const wish: Wish = { dialect: 'openai-chat', call, organizationId: 'o', pinnedKey: null, own: noOwn }
    const offers = offersOf(models, wish, new RouteHealth())
    expect(offers.map(({ model }) => model.id)).toEqual(['m', 'm', 'n'])
  })
})
