import { afterAll, beforeAll, describe, test } from 'vitest'
import { maxCatalogueBytes } from './limits.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

const catalogue = (input: string, changes: object = {}) => ({
  providers: [{ id: 'openai', kind: 'openai', baseUrl: 'https://api.openai.com', credential: 'openai' }],
  models: [
    {
      id: 'gpt-a',
      kind: 'chat',
      aliases: ['gpt-a-latest'],
      contextTokens: 1_000,
      maxOutputTokens: 100,
      price: { input, output: '10', source: 'https://provider.example/pricing', readOn: '2026-11-24' },
      routes: [{ provider: 'openai', dialects: ['openai-chat'], cost: 'list' }],
      ...changes,
    },
  ],
})
const post = (body: unknown) => stage.call('POST', '/catalogue/imports', body)

describe('POST /catalogue/imports', () => {
  test('applies a file in one transaction through Neon, and tells the difference', async ({ expect }) => {
    expect(await post({ catalogue: catalogue('1.25'), dryRun: true })).toMatchObject({ status: 200, json: { outcome: 'dry_run' } })
    expect((await stage.call('GET', '/models')).json).toEqual({ models: [] })
    const added = ['provider', 'model', 'route'].map((what) => ({ what, change: 'added' }))
    expect(await post({ catalogue: catalogue('1.25') })).toMatchObject({ status: 200, json: { outcome: 'applied', changes: added } })
    expect((await stage.call('GET', '/models')).json).toMatchObject({
      models: [{ modelId: 'gpt-a', price: { inputPicos: 1_250_000 }, routes: [{ upstream: 'openai' }] }],
    })
    const { rows } = await stage.database.pool.query('select forced, actor from catalogue_imports')
    expect(rows).toEqual([{ forced: false, actor: 'operator.access' }])
  })

  test('refuses absurd changes as a conflict that points at each, and takes them with force', async ({ expect }) => {
    const refused = await post({ catalogue: catalogue('125') })
    expect(refused).toMatchObject({ status: 409, json: { code: 'conflict' } })
    expect(refused.json).toMatchObject({
      errors: expect.arrayContaining([
        { pointer: '#/catalogue/models/0', detail: 'gpt-a: inputPicos goes from 1250000 to 125000000' },
        { pointer: '#/catalogue/models/0', detail: 'gpt-a: output (10000000) costs less than a tenth of input (125000000)' },
      ]),
    })
    expect(await post({ catalogue: catalogue('125'), force: true })).toMatchObject({ status: 200, json: { outcome: 'applied' } })
  })

  test('names what is wrong in a file by its place', async ({ expect }) => {
    const answer = await post({ catalogue: catalogue('1.25', { prise: 1, routes: [{ provider: 'nobody', dialects: ['klingon'] }] }) })
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    const pointers = (answer.json as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer)
    expect(pointers).toEqual(expect.arrayContaining(['#/catalogue/models/0/routes/0/dialects/0', '#/catalogue/models/0/prise']))
  })

  test('takes more than other bodies, and not any size', async ({ expect }) => {
    const padded = (bytes: number) => ({ catalogue: { ...catalogue('125'), padding: 'x'.repeat(bytes) } })
    expect((await post(padded(100_000))).status).toBe(400)
    expect((await post(padded(maxCatalogueBytes))).status).toBe(413)
  })

  test('answers nobody without a token', async ({ expect }) => {
    const body = JSON.stringify({ catalogue: catalogue('1.25') })
    const headers = { 'content-type': 'application/json' }
    expect((await stage.request('/catalogue/imports', { method: 'POST', headers, body })).status).toBe(403)
  })
})
