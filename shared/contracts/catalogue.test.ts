import { expect, test } from 'vitest'
import { CatalogueFile } from './catalogue.ts'

const price = { input: '1', output: '2', source: 'https://provider.example/pricing', readOn: '2026-11-24' }
const provider = { id: 'p', kind: 'openai', baseUrl: 'https://api.provider.example/v1', credential: 'p' }
const route = { provider: 'p', dialects: ['openai-chat'] }
const model = { id: 'm', kind: 'chat', contextTokens: 1, maxOutputTokens: 0, price, routes: [route] }

const withModel = (changes: object) => ({ providers: [provider], models: [{ ...model, ...changes }] })
const withPrice = (changes: object) => withModel({ price: { ...price, ...changes } })
const withProvider = (changes: object) => ({ providers: [{ ...provider, ...changes }], models: [] })

test('a file may say the least, and is filled in', () => {
  expect(CatalogueFile.parse({ providers: [provider], models: [model] })).toMatchObject({
    complete: false,
    providers: [{ enabled: true }],
    models: [
      {
        aliases: [],
        tokenizer: 'unknown',
        enabled: true,
        price: { inputPicos: 1_000_000, cacheReadPicos: 1_000_000, cacheWrite5mPicos: 1_000_000, cacheWrite1hPicos: 1_000_000, units: {} },
        routes: [{ region: null, priority: 0, weight: 1, enabled: true }],
      },
    ],
  })
})

test('dollars become picos and nanos exactly, to the last place', () => {
  const dollars = { input: '0.000001', output: '9999.999999', webSearch: '0.000000001', image: '99.999999999', characters: '15' }
  expect(CatalogueFile.parse(withPrice(dollars)).models[0]?.price).toMatchObject({
    inputPicos: 1,
    outputPicos: 9_999_999_999,
    units: { webSearchNanos: 1, imageNanos: 99_999_999_999, characterPicos: 15_000_000 },
  })
})

test.each<[string, object]>([
  ['a number for a price', withPrice({ input: 1 })],
  ['a price in another writing', withPrice({ input: '1e-3' })],
  ['a price with a sign', withPrice({ input: '-1' })],
  ['a price finer than a pico', withPrice({ input: '0.0000001' })],
  ['a price above all prices', withPrice({ input: '10000.000001' })],
  ['a piece above all prices', withPrice({ image: '100.000000001' })],
  ['a price without its source', withPrice({ source: undefined })],
  ['a price without its date', withPrice({ readOn: undefined })],
  ['a date that is none', withPrice({ readOn: '2026-02-30' })],
  ['a misspelt price', withPrice({ cachedInput: '1' })],
  ['an id with a colon', withModel({ id: 'm:free' })],
  ['an id that climbs', withModel({ id: 'm/../n' })],
  ['an id with a control character', withModel({ id: 'm\u0000' })],
  ['an alias that is the id', withModel({ aliases: ['m'] })],
  ['an alias twice', withModel({ aliases: ['a', 'a'] })],
  ['a route of an unknown provider', withModel({ routes: [{ ...route, provider: 'q' }] })],
  ['a route that speaks nothing', withModel({ routes: [{ ...route, dialects: [] }] })],
  ['a route twice', withModel({ routes: [route, { ...route, upstreamModel: 'm', weight: 2 }] })],
  ['a model twice', { providers: [provider], models: [model, model] }],
  ['a provider twice', { providers: [provider, provider], models: [] }],
  [
    'an alias that is the id of another model',
    {
      providers: [provider],
      models: [
        { ...model, aliases: ['n'] },
        { ...model, id: 'n' },
      ],
    },
  ],
  ['an address with a key in it', withProvider({ baseUrl: 'https://user:key@api.provider.example' })],
  ['keys of customers for a CLIProxyAPI', withProvider({ kind: 'cliproxyapi', byok: 'openai' })],
  ['a provider by the name of those without one', withProvider({ byok: 'openai-compatible' })],
  ['an address with a query', withProvider({ baseUrl: 'https://api.provider.example?key=1' })],
  ['an address with a slash at its end', withProvider({ baseUrl: 'https://api.provider.example/' })],
  ['an address of another kind', withProvider({ baseUrl: 'file:///etc/passwd' })],
])('%s is refused', (_, file) => {
  expect(CatalogueFile.safeParse(withModel({})).success).toBe(true)
  expect(CatalogueFile.safeParse(file).success).toBe(false)
})
