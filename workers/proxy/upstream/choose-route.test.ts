import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { chooseRoute } from './choose-route.ts'

function route(routeId: string, priority: number, weight: number): CatalogueRoute {
  return {
    routeId,
    priority,
    weight,
    upstream: 'u',
    baseUrl: 'https://u.example',
    credential: 'c',
    upstreamModel: 'm',
    kind: 'openai',
    dialects: ['openai-chat'],
    region: null,
    price: null,
    cost: null,
    isUp: true,
  }
}

function model(routes: CatalogueRoute[]): CatalogueModel {
  const price = { inputPicos: 1, cacheReadPicos: 1, cacheWrite5mPicos: 1, cacheWrite1hPicos: 1, outputPicos: 1, priceVersionId: 'prc_1' }
  return {
    id: 'm',
    kind: 'chat',
    aliases: [],
    owner: null,
    displayName: null,
    contextTokens: 1,
    maxOutputTokens: 1,
    tokenizer: 'unknown',
    createdAtMs: 0,
    price,
    routes,
  }
}

const justBelowOne = 1 - 2 ** -53

test('only routes of the best priority are drawn, wherever they stand', () => {
  const some = model([route('last', 9, 1_000), route('a', 0, 1), route('middle', 5, 1_000), route('b', 0, 1)])
  const drawn = Array.from({ length: 1_000 }, (_, at) => chooseRoute(some, at / 1_000).routeId)
  expect(new Set(drawn)).toEqual(new Set(['a', 'b']))
})

test('each route is drawn as often as its weight says, exactly', () => {
  const some = model([route('a', 1, 1), route('b', 1, 2), route('c', 1, 7)])
  const count = { a: 0, b: 0, c: 0 } as Record<string, number>
  for (let at = 0; at < 1_000; at++) {
    const { routeId } = chooseRoute(some, (at + 0.5) / 1_000)
    count[routeId] = (count[routeId] ?? 0) + 1
  }
  expect(count).toEqual({ a: 100, b: 200, c: 700 })
})

test('a draw on the border belongs to the next route', () => {
  const some = model([route('a', 1, 1), route('b', 1, 1)])
  expect([chooseRoute(some, 0).routeId, chooseRoute(some, 0.5).routeId]).toEqual(['a', 'b'])
})

test('chance is asked when none is given', () => {
  const some = model([route('a', 1, 1), route('b', 1, 1)])
  expect(new Set(Array.from({ length: 200 }, () => chooseRoute(some).routeId)).size).toBe(2)
})

test('every draw finds a route, to the last bit below one', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 2 ** 31 }), { minLength: 1, maxLength: 9 })
  const chance = fc.oneof(fc.constantFrom(0, justBelowOne), fc.double({ min: 0, max: justBelowOne, noNaN: true }))
  fc.assert(
    fc.property(weights, chance, (all, random) => {
      const routes = all.map((weight, at) => route(`r${at}`, 3, weight))
      expect(routes).toContain(chooseRoute(model(routes), random))
    }),
  )
})

test('a model without a route cannot be reached', () => {
  expect(() => chooseRoute(model([]), 0)).toThrow(expect.objectContaining({ code: 'upstream_unavailable' }))
})
