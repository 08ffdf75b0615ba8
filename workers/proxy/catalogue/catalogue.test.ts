import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Catalogue, CatalogueModel, VersionedPrice } from '#db/queries/read-catalogue.ts'
import type { Surroundings } from '../env.ts'
import { catalogueFreshMs, catalogueUsableMs } from '../limits.ts'
import { modelOf, routeOf } from '../testing/offer.ts'
import { modelsOf, objectionTo } from './catalogue.ts'

const price: VersionedPrice = {
  priceVersionId: 'prc_a',
  inputPicos: 1_000,
  // What is free and stays so is no jump.
  cacheReadPicos: 0,
  cacheWrite5mPicos: 1_250,
  cacheWrite1hPicos: 2_000,
  outputPicos: 4_000,
  units: {},
}
const model = (id: string, changes: Partial<CatalogueModel> = {}): CatalogueModel => modelOf({ id, price, ...changes })
const of = (models: CatalogueModel[], forcedImportId = 0): Catalogue => ({ models, broken: [], forcedImportId })
const names = ['a', 'b', 'c', 'd']
const good = of(names.map((id) => model(id)))
const times = (factor: number, ids: string[]) =>
  of(
    names.map((id) => {
      const by = ids.includes(id) ? factor : 1
      return model(id, { price: { ...price, inputPicos: price.inputPicos * by, outputPicos: price.outputPicos * by } })
    }),
  )

let logged: string[] = []
beforeEach(() => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(JSON.parse(line).event))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('the models for sale', () => {
  test('are found by id and alias, of every kind, when a route serves them', () => {
    const models = modelsOf([
      model('a', { aliases: ['a-latest'] }),
      model('e', { kind: 'embeddings' }),
      model('x', { routes: [], aliases: ['y'] }),
    ])
    expect(models.get('a-latest')).toBe(models.get('a'))
    expect(models.list().map(({ id }) => id)).toEqual(['a', 'e'])
    expect([models.get('x'), models.get('y'), models.get('__proto__'), models.get('toString')]).toEqual(Array(4).fill(undefined))
    expect(logged).toEqual([])
  })

  test('keep their names: an alias never hides an id or an earlier alias', () => {
    const models = modelsOf([
      model('a', { aliases: ['b', 'both', 'gone'] }),
      model('b', { aliases: ['both'] }),
      model('gone', { routes: [] }),
    ])
    expect([models.get('b')?.id, models.get('both')?.id, models.get('gone')]).toEqual(['b', 'a', undefined])
    expect(logged).toEqual(Array(3).fill('catalogue_alias_ignored'))
  })

  test('are named when a name is near', () => {
    const models = modelsOf([model('gpt-5-mini', { aliases: ['small-one'] })])
    expect([models.near('gpt5mini'), models.near('smallone'), models.near('claude')]).toEqual([['gpt-5-mini'], ['gpt-5-mini'], []])
  })
})

describe('a catalogue that cannot be meant', () => {
  test.each<[string, Catalogue]>([
    ['empty', of([])],
    ['of other models', of([model('e'), model('f'), model('g')])],
    ['doubled', times(2, names)],
    ['halved', times(0.5, names)],
    ['zeroed', times(0, names)],
    ['a billion times as dear', times(1_000_000_000, names)],
    ['zeroed in most models', times(0, ['a', 'b', 'c'])],
  ])('is refused beside the last good one: %s', (_, next) => {
    expect(objectionTo(next, good)).not.toBeNull()
    expect(objectionTo({ ...next, forcedImportId: 7 }, good)).toBeNull()
    expect(objectionTo(next, undefined)).toBeNull()
  })

  test.each<[string, Catalogue]>([
    ['the same', good],
    ['of half the models', of(good.models.slice(2))],
    ['of many more models', of([...good.models, ...Array.from({ length: 100 }, (_, at) => model(`new-${at}`))])],
    ['a half dearer', times(1.5, names)],
    ['doubled in half of the models', times(2, ['a', 'b'])],
    ['selling images as well', of(names.map((id) => model(id, { price: { ...price, units: { imageNanos: 5 } } })))],
  ])('is not: %s', (_, next) => {
    expect(objectionTo(next, good)).toBeNull()
  })

  test('is one that is too large, forced or not', () => {
    const many = Array.from({ length: 2_001 }, (_, at) => model(String(at)))
    const wide = model('a', { routes: Array(5_001).fill(routeOf()) })
    expect(objectionTo(of(many, 7), good)).toContain('2001 models')
    expect(objectionTo(of([wide], 7), undefined)).toContain('5001 routes')
  })
})

describe('reading again', () => {
  /** The catalogue's module with nothing known, over a database that answers what the test says. */
  async function freshIsolate(answers: (Catalogue | Error)[]) {
    vi.resetModules()
    const readCatalogue = vi.fn(async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (!answer || answer instanceof Error) throw answer ?? new Error('nothing to answer')
      return answer
    })
    vi.doMock('#db/queries/read-catalogue.ts', () => ({ readCatalogue }))
    vi.useFakeTimers()
    const { catalogue } = await import('./catalogue.ts')
    return async () => {
      const work: Promise<unknown>[] = []
      const models = await catalogue({} as Surroundings, (promise) => work.push(promise))
      await Promise.all(work)
      return models.list().map(({ id, price: { inputPicos } }) => `${id} ${inputPicos}`)
    }
  }

  test('happens in the background when no longer fresh', async () => {
    const ask = await freshIsolate([of([model('a')]), of([model('a'), model('b')])])
    expect([await ask(), await ask()]).toEqual([['a 1000'], ['a 1000']])
    vi.advanceTimersByTime(catalogueFreshMs + 1)
    expect([await ask(), await ask()]).toEqual([['a 1000'], ['a 1000', 'b 1000']])
  })

  test('keeps the last good one for as long as what is read cannot be meant, and takes what is forced', async () => {
    const ask = await freshIsolate([good, times(2, names), times(2, names), { ...times(2, names), forcedImportId: 1 }])
    const [first] = await ask()
    expect(first).toBe('a 1000')
    for (let round = 0; round < 2; round++) {
      vi.advanceTimersByTime(catalogueUsableMs + 1)
      expect((await ask())[0]).toBe('a 1000')
    }
    expect(logged).toEqual(['catalogue_refused', 'catalogue_refused'])
    vi.advanceTimersByTime(catalogueUsableMs + 1)
    expect((await ask())[0]).toBe('a 2000')
  })

  test('uses the last good one on when Postgres is away, and answers 503 only when it is too old or there is none', async () => {
    const ask = await freshIsolate([good, new Error('away')])
    await ask()
    vi.advanceTimersByTime(catalogueUsableMs)
    expect(await ask()).toHaveLength(4)
    vi.advanceTimersByTime(2)
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable' })
    await expect((await freshIsolate([new Error('away')]))()).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('tells of broken models and sells the others', async () => {
    const ask = await freshIsolate([{ ...good, broken: ['e'] }])
    expect(await ask()).toHaveLength(4)
    expect(logged).toEqual(['catalogue_models_broken'])
  })
})
