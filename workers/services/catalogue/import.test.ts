import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { importCatalogue } from '#db/queries/import-catalogue.ts'
import { listByokUpstreams } from '#db/queries/list-byok-upstreams.ts'
import { readCatalogue } from '#db/queries/read-catalogue.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { CatalogueImportAnswer, NewCatalogueImport } from '#shared/contracts/catalogue-import.ts'
import type { Price } from '#shared/pricing/cost.ts'
import { nodePlatform } from '../testing/node-platform.ts'
import { type ImportOutcome, importCatalogueFile } from './import.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  await database.pool.query('alter table price_versions disable trigger user')
  await database.pool.query('truncate catalogue_imports, route_health, price_versions, routes, models, upstreams cascade')
  await database.pool.query('alter table price_versions enable trigger user')
})

const read = { source: 'https://provider.example/pricing', readOn: '2026-11-24' }
const price = { input: '1.25', output: '10', cacheRead: '0.125', ...read }
const provider = { id: 'openai', kind: 'openai', baseUrl: 'https://api.openai.com', credential: 'openai' }
const route = { provider: 'openai', dialects: ['openai-chat'] }
const model = (id: string, changes: object = {}) => ({
  id,
  kind: 'chat',
  contextTokens: 1_000,
  maxOutputTokens: 100,
  price,
  routes: [route],
  ...changes,
})

async function imported(models: object[], changes: object = {}, request: object = {}): Promise<ImportOutcome> {
  const catalogue = { providers: [provider], models, ...changes }
  return importCatalogueFile(nodePlatform(database.db), NewCatalogueImport.parse({ catalogue, ...request }))
}

const sold = async () => new Map((await readCatalogue(database.db)).models.map((found) => [found.id, found]))
const versionsOf = async (modelId: string) =>
  (
    await database.pool.query('select id, input_picos, route_id from price_versions where model_id = $1 order by effective_at, id', [
      modelId,
    ])
  ).rows

describe('an import', () => {
  test('sells what the file says, exactly', async ({ expect }) => {
    const full = model('a', {
      aliases: ['a-latest'],
      owner: 'openai',
      displayName: 'A',
      price: {
        ...price,
        cacheRead: '0.0028',
        inputAudio: '32',
        image: '0.042',
        audioSecond: '0.000030834',
        webSearch: '0.01',
        longContext: { aboveInputTokens: 272_000, input: '2.5', output: '15', cacheRead: '0.25' },
      },
      routes: [{ ...route, upstreamModel: 'a-2026', region: 'eu', priority: 2, weight: 3, cost: 'list' }],
    })
    expect(await imported([full])).toMatchObject({ outcome: 'applied', absurd: [], prices: [] })
    const found = (await sold()).get('a')
    const picos = {
      inputPicos: 1_250_000,
      cacheReadPicos: 2_800,
      cacheWrite5mPicos: 1_250_000,
      cacheWrite1hPicos: 1_250_000,
      outputPicos: 10_000_000,
    }
    const units = {
      inputAudioPicos: 32_000_000,
      imageNanos: 42_000_000,
      secondNanos: 30_834,
      webSearchNanos: 10_000_000,
      longContext: { ...picos, aboveInputTokens: 272_000, inputPicos: 2_500_000, cacheReadPicos: 250_000, outputPicos: 15_000_000 },
    }
    units.longContext.cacheWrite5mPicos = units.longContext.cacheWrite1hPicos = 2_500_000
    expect(found).toMatchObject({ aliases: ['a-latest'], owner: 'openai', displayName: 'A', kind: 'chat', contextTokens: 1_000 })
    expect(found?.price).toEqual({ ...picos, units, priceVersionId: expect.stringMatching(/^prc_/) })
    expect(found?.routes).toEqual([
      {
        routeId: expect.stringMatching(/^rte_/),
        upstream: 'openai',
        kind: 'openai',
        baseUrl: 'https://api.openai.com',
        credential: 'openai',
        byok: null,
        upstreamModel: 'a-2026',
        dialects: ['openai-chat'],
        region: 'eu',
        priority: 2,
        weight: 3,
        price: null,
        cost: { ...picos, units },
        isUp: true,
      },
    ])
  })

  test('of the same file again changes nothing and makes no new price', async ({ expect }) => {
    const file = [model('a', { routes: [{ ...route, cost: 'list', price: { ...price, input: '2' } }] })]
    await imported(file)
    const before = [await versionsOf('a'), await sold()]
    expect(await imported(file)).toEqual({ outcome: 'unchanged', changes: [], prices: [], absurd: [] })
    expect([await versionsOf('a'), await sold()]).toEqual(before)
  })

  test('with another price adds a version and keeps the old one, and only of that model', async ({ expect }) => {
    await imported([model('a'), model('b')])
    const outcome = await imported([model('a', { price: { ...price, input: '1.5' } }), model('b')])
    expect(outcome).toMatchObject({
      outcome: 'applied',
      changes: [],
      // What is not named costs what input does, so it changes with it.
      prices: [
        { modelId: 'a', route: null, name: 'inputPicos', from: 1_250_000, to: 1_500_000, percent: 120 },
        { name: 'cacheWrite5mPicos' },
        { name: 'cacheWrite1hPicos' },
      ],
    })
    expect((await versionsOf('a')).map((row) => row.input_picos)).toEqual(['1250000', '1500000'])
    expect((await sold()).get('a')?.price.inputPicos).toBe(1_500_000)
    expect(await versionsOf('b')).toHaveLength(1)
  })

  test('tells each field that changes, and keeps a route that is still the same', async ({ expect }) => {
    await imported([model('a')])
    const [before] = (await sold()).get('a')?.routes ?? []
    const outcome = await imported([model('a', { contextTokens: 2_000, routes: [{ ...route, weight: 9 }] })])
    expect(outcome).toMatchObject({
      changes: [
        { what: 'model', id: 'a', change: 'changed', fields: [{ field: 'contextTokens', from: '1000', to: '2000' }] },
        { what: 'route', id: 'a -> openai: a', change: 'changed', fields: [{ field: 'weight', from: '1', to: '9' }] },
      ],
    })
    expect((await sold()).get('a')?.routes).toEqual([{ ...before, weight: 9 }])
  })

  test('lets customers bring keys along to a provider, and no longer', async ({ expect }) => {
    await imported([model('a')], { providers: [{ ...provider, byok: 'openai' }] })
    expect(await listByokUpstreams(database.db)).toEqual([{ provider: 'openai', family: 'openai', baseUrl: provider.baseUrl }])
    expect(await imported([model('a')])).toMatchObject({
      changes: [{ what: 'provider', id: 'openai', fields: [{ field: 'byok', from: '"openai"', to: 'null' }] }],
    })
    expect(await listByokUpstreams(database.db)).toEqual([])
  })

  test('tells a cost by its amounts', async ({ expect }) => {
    await imported([model('a', { routes: [{ ...route, cost: price }] })])
    const dearer = { ...price, output: '12', longContext: { aboveInputTokens: 9, input: '2', output: '3' } }
    const outcome = CatalogueImportAnswer.parse(await imported([model('a', { routes: [{ ...route, cost: dearer }] })]))
    expect(outcome.changes).toMatchObject([
      {
        id: 'a -> openai: a',
        fields: expect.arrayContaining([
          { field: 'cost.outputPicos', from: '10000000', to: '12000000' },
          { field: 'cost.units.longContext.inputPicos', from: 'null', to: '2000000' },
        ]),
      },
    ])
    expect((await sold()).get('a')?.routes[0]?.cost?.outputPicos).toBe(12_000_000)
  })

  test('ends a price of a route by making it the price of the model', async ({ expect }) => {
    await imported([model('a', { routes: [{ ...route, price: { ...price, input: '2' } }] })])
    expect((await sold()).get('a')?.routes[0]?.price?.inputPicos).toBe(2_000_000)
    await imported([model('a')])
    expect((await sold()).get('a')?.routes[0]?.price?.inputPicos).toBe(1_250_000)
  })

  test('leaves alone what the file does not name, and switches it off when the file is complete', async ({ expect }) => {
    await imported([model('a', { routes: [route, { ...route, upstreamModel: 'old' }] }), model('b'), model('c')])
    expect(await imported([model('a')])).toMatchObject({ outcome: 'unchanged' })
    const outcome = await imported([model('a'), model('b')], { complete: true })
    expect(outcome).toMatchObject({
      changes: [
        { what: 'model', id: 'c', change: 'disabled' },
        { what: 'route', id: 'a -> openai: old', change: 'disabled' },
        { what: 'route', id: 'c -> openai: c', change: 'disabled' },
      ],
    })
    expect([...(await sold()).keys()]).toEqual(['a', 'b'])
    expect((await sold()).get('a')?.routes).toHaveLength(1)
    expect(await imported([model('a'), model('b')], { complete: true })).toMatchObject({ outcome: 'unchanged' })
  })

  test('in a dry run tells the same and writes nothing', async ({ expect }) => {
    const dry = CatalogueImportAnswer.parse(await imported([model('a')], {}, { dryRun: true }))
    expect(await sold()).toEqual(new Map())
    expect(CatalogueImportAnswer.parse(await imported([model('a')]))).toEqual({ ...dry, outcome: 'applied' })
  })

  test('that another one overtook writes nothing', async ({ expect }) => {
    await imported([model('a')])
    const nothing = { upstreams: [], models: [], routes: [], prices: [], forced: false, actor: 'test' }
    const late = { ...nothing, upstreams: [{ ...provider, kind: 'openai' as const, byok: null, enabled: false }], lastImportId: 0 }
    expect(await importCatalogue(database.db, late)).toBe('overtaken')
    expect((await sold()).get('a')?.routes).toHaveLength(1)
    expect(await importCatalogue(database.db, { ...late, lastImportId: 1 })).toBe('imported')
    expect((await sold()).get('a')?.routes).toEqual([])
  })
})

describe('an absurd change', () => {
  const wrong: [string, object[], object][] = [
    ['a price twice as high', [model('a', { price: { ...price, input: '2.5' } })], {}],
    ['a price half as high', [model('a', { price: { ...price, output: '5' } })], {}],
    ['a price that becomes free', [model('a', { price: { ...price, cacheRead: '0' } })], {}],
    [
      'a long context that doubles',
      [model('a', { price: { ...price, longContext: { aboveInputTokens: 9, input: '4', output: '4' } } })],
      {},
    ],
    ['output below a tenth of input', [model('new', { price: { ...price, output: '0.12' } })], {}],
    ['a cache dearer than input', [model('new', { price: { ...price, cacheRead: '1.26' } })], {}],
    ['a model without a route', [model('new', { routes: [] })], {}],
    ['a model whose only route is switched off', [model('a', { routes: [{ ...route, enabled: false }] })], {}],
    ['a provider that other models need, switched off', [], { providers: [{ ...provider, enabled: false }] }],
    ['most models gone', [model('a')], { complete: true }],
  ]

  test.for(wrong)('is refused without force: %s', async ([, models, changes], { expect }) => {
    const longContext = { aboveInputTokens: 9, input: '2', output: '2' }
    await imported([model('a', { price: { ...price, longContext } }), model('b'), model('c')])
    const before = await sold()
    const dry = await imported(models, changes, { dryRun: true })
    const refused = await imported(models, changes)
    expect(refused).toMatchObject({ outcome: 'refused', reason: 'absurd' })
    expect(refused).toMatchObject({ absurd: (dry as CatalogueImportAnswer).absurd })
    expect(await sold()).toEqual(before)
    const forced = await imported(models, changes, { force: true })
    expect(forced).toMatchObject({ outcome: 'applied', absurd: (dry as CatalogueImportAnswer).absurd })
    expect((await readCatalogue(database.db)).forcedImportId).toBe(2)
  })

  test('does not include what is meant: a model switched off, a price given or taken away, a free model, a third more', async ({
    expect,
  }) => {
    await imported([model('a', { price: { ...price, webSearch: '0.01' } }), model('b'), model('c')])
    const free = { ...price, input: '0', output: '0', cacheRead: '0' }
    const outcome = await imported(
      [
        model('a', { price: { ...price, input: '1.66', image: '0.04' } }),
        model('b', { enabled: false, routes: [] }),
        model('moderation', { kind: 'moderation', price: free }),
        model('embedding', { kind: 'embeddings', price: { ...free, input: '0.02', cacheRead: '0.02' } }),
      ],
      {},
      { force: true },
    )
    expect(outcome).toMatchObject({ outcome: 'applied', absurd: [] })
    // Force that was not needed opens nothing.
    expect((await readCatalogue(database.db)).forcedImportId).toBe(0)
  })
})

test('the list that is shipped needs no force, and is what is sold afterwards', async ({ expect }) => {
  const catalogue: unknown = JSON.parse(
    readFileSync(fileURLToPath(new URL('../../../db/catalogue/list.json', import.meta.url).href), 'utf8'),
  )
  const request = NewCatalogueImport.parse({ catalogue })
  expect(await importCatalogueFile(nodePlatform(database.db), request)).toMatchObject({ outcome: 'applied', absurd: [] })
  expect(await importCatalogueFile(nodePlatform(database.db), request)).toMatchObject({ outcome: 'unchanged' })
  const found = await sold()
  const prices = (models: { id: string; price: Price }[]) => models.map(({ id, price: { units, ...picos } }) => [id, { ...units }, picos])
  const read = [...found.values()].map(({ id, price: { priceVersionId: _, ...picos } }) => ({ id, price: picos }))
  expect(prices(read)).toEqual(prices(request.catalogue.models.toSorted((one, other) => (one.id < other.id ? -1 : 1))))
})

test('one broken model does not hide the others', async ({ expect }) => {
  await imported([model('a'), model('b')])
  await database.pool.query(`update routes set cost = '{"inputPicos": "much"}' where model_id = 'a'`)
  const { models, broken } = await readCatalogue(database.db)
  expect([models.map(({ id }) => id), broken]).toEqual([['b'], ['a']])
})
