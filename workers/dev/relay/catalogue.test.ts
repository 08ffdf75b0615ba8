import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()

const file = {
  providers: [{ id: 'p', kind: 'openai', baseUrl: 'https://api.provider.example', credential: 'p' }],
  models: [
    {
      id: 'm',
      kind: 'chat',
      contextTokens: 1,
      maxOutputTokens: 1,
      price: { input: '1', output: '2', source: 'https://provider.example/pricing', readOn: '2026-11-24' },
      routes: [{ provider: 'p', dialects: ['openai-chat'] }],
    },
  ],
}

function relayImport(content: unknown, ...options: string[]) {
  const path = join(admin.folder, 'catalogue.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return admin.relay(['catalogue', 'import', path, ...options])
}

const difference = {
  outcome: 'applied',
  changes: [
    { what: 'model', id: 'new\u001b[2J', change: 'added', fields: [] },
    { what: 'route', id: 'm -> p: m', change: 'changed', fields: [{ field: 'weight', from: '1', to: '2' }] },
  ],
  prices: [
    { modelId: 'm', route: null, name: 'inputPicos', from: 75_000, to: 100_000, percent: 133 },
    { modelId: 'm', route: 'm -> p: m', name: 'longContext.outputPicos', from: 1_000_000, to: 1_200_000, percent: 120 },
    { modelId: 'm', route: null, name: 'webSearchNanos', from: null, to: 10_000_000, percent: null },
  ],
  absurd: [],
}

test('sends the file as it stands, and shows the difference in dollars', async ({ expect }) => {
  admin.answers = [ok(difference)]
  const { code, out } = await relayImport(file)
  expect(admin.sent).toEqual([{ path: 'POST /catalogue/imports', body: { catalogue: file, force: false, dryRun: false } }])
  expect(code).toBe(0)
  expect(out).toMatch(/added +model +new\?\[2J/)
  expect(out).toMatch(/changed +route +m -> p: m +weight +1 +2/)
  expect(out).toMatch(/m +model +input +\$0\.075\/M +\$0\.10\/M +133/)
  expect(out).toMatch(/m +m -> p: m +longContext\.output +\$1\.00\/M +\$1\.20\/M +120/)
  expect(out).toMatch(/m +model +webSearch +not sold +\$0\.01/)
  expect(out).toContain('The catalogue is imported.')
})

test('passes on a dry run and force, and says when force is needed', async ({ expect }) => {
  admin.answers = [ok({ ...difference, outcome: 'dry_run', absurd: [{ modelId: 'm', detail: 'm: input goes far' }] })]
  const { out } = await relayImport(file, '--dry-run', '--force')
  expect(admin.sent).toMatchObject([{ body: { force: true, dryRun: true } }])
  expect(out).toContain('m: input goes far')
  expect(out).toContain('Nothing was changed. It would need --force.')
})

test('shows every reason of a refusal and fails', async ({ expect }) => {
  const errors = [{ pointer: '#/catalogue/models/0', detail: 'm: input goes far' }]
  admin.answers = [{ status: 409, content: { detail: '1 changes look absurd.', code: 'conflict', requestId: 'req_1', errors } }]
  const { code, out, err } = await relayImport(file)
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('#/catalogue/models/0 m: input goes far')
})

test('a file with mistakes is not sent, and each is told by its place', async ({ expect }) => {
  for (const [content, place] of [
    [{ ...file, models: [{ ...file.models[0], contextTokens: 0 }] }, 'models.0.contextTokens: '],
    [{ ...file, surprise: 1 }, 'file: '],
    ['{', 'cannot be read'],
    [' '.repeat(9_000_000), 'larger than'],
  ] as const) {
    const { code, err } = await relayImport(content)
    expect([code, err]).toEqual([1, expect.stringContaining(place)])
  }
  expect(admin.sent).toEqual([])
})
