import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { brokenArrows } from './tidy/arrows.ts'
import {
  deadFiles,
  environmentReadElsewhere,
  incompleteWorkers,
  longFiles,
  longFunctions,
  singledOutTests,
  strangersAtTop,
} from './tidy/rules.ts'
import { readSource } from './tidy/source.ts'
import { readTree, type Tree } from './tidy/tree.ts'

const tree = readTree(fileURLToPath(new URL('../../', import.meta.url)))

/** A small tree that keeps every rule, with files planted into it. */
function planted(files: Record<string, string>, topLevel: string[] = []): Tree {
  const all = {
    'workers/proxy/index.ts': "import './env.ts'\nimport './limits.ts'\n",
    'workers/proxy/env.ts': 'export const read = (env: { NAME: string }) => env.NAME\n',
    'workers/proxy/limits.ts': 'export const bodyBytes = 1\n',
    ...files,
  }
  return {
    topLevel: ['workers', '.gitignore', ...topLevel],
    sources: Object.entries(all).map(([path, text]) => readSource(path, text)),
    wranglerToml: '[env.proxy]\nmain = "workers/proxy/index.ts"\n',
    packageJson: '{"scripts":{"start":"node workers/dev/start.mjs up"}}',
    pages: ['portal/index.html\n<script src="/src/main.tsx"></script>'],
  }
}

const lines = (count: number) => '  count += 1\n'.repeat(count)

describe.each<{ rule: string; check: (tree: Tree) => string[]; breaks: Tree[]; keeps: Tree[] }>([
  {
    rule: 'a file has at most 400 lines',
    check: longFiles,
    breaks: [planted({ 'shared/long.ts': '\n'.repeat(401) })],
    keeps: [planted({ 'shared/long.ts': '\n'.repeat(400) }), planted({ 'db/migrations/long.ts': '\n'.repeat(401) })],
  },
  {
    rule: 'a function has at most 70 lines, a suite any number',
    check: longFunctions,
    breaks: [
      planted({ 'shared/a.ts': `function long() {\n${lines(69)}}\n` }),
      planted({ 'shared/a.ts': `class A {\n  #long = () => {\n${lines(69)}}\n}\n` }),
      planted({ 'shared/a.test.ts': `test('long', () => {\n${lines(69)}})\n` }),
    ],
    keeps: [
      planted({ 'shared/a.ts': `function long() {\n${lines(68)}}\n` }),
      planted({ 'shared/a.test.ts': `describe.each([1])('suite', () => {\n${lines(69)}})\n` }),
    ],
  },
  {
    rule: 'nothing stands at the top level but what ARCHITECTURE.md names',
    check: strangersAtTop,
    breaks: [planted({}, ['scripts']), planted({}, ['jest.config.js'])],
    keeps: [planted({}, ['README.md', 'package-lock.json', '.ci'])],
  },
  {
    rule: 'imports follow the arrows of ARCHITECTURE.md',
    check: brokenArrows,
    breaks: [
      planted({ 'shared/a.ts': "import { readFileSync } from 'node:fs'" }),
      planted({ 'shared/a.ts': "import type { Db } from '#db/client.ts'" }),
      planted({ 'shared/a.ts': "import { sql } from 'drizzle-orm'" }),
      planted({ 'shared/a.ts': "export const f = () => import('cloudflare:workers')" }),
      planted({ 'db/a.ts': "import '#workers/services/a.ts'" }),
      planted({ 'workers/ledger/a.ts': "import '#db/a.ts'" }),
      planted({ 'workers/ledger/a.ts': "import '#workers/services/a.ts'" }),
      planted({ 'workers/services/a.ts': "import '../proxy/a.ts'" }),
      planted({ 'workers/proxy/a.ts': "import { CustomerLedger } from '../ledger/index.ts'" }),
      planted({ 'workers/proxy/a.ts': "export { CustomerLedger } from '#workers/ledger/index.ts'" }),
      planted({ 'workers/proxy/a.ts': "import '../dev/a.ts'" }),
      planted({ 'workers/proxy/a.ts': "import { test } from 'vitest'" }),
      planted({ 'db/a.ts': "import './testing/database.ts'" }),
      planted({ 'portal/src/a.tsx': "import '../../db/a.ts'" }),
    ],
    keeps: [
      planted({ 'shared/a.ts': "import { z } from 'zod'\nimport './b.ts'" }),
      planted({
        'workers/proxy/a.ts': "import type { CustomerLedger } from '../ledger/index.ts'\nimport '#db/a.ts'\nimport '../services/a.ts'",
      }),
      planted({ 'workers/test/a.ts': "import '../proxy/a.ts'\nimport '#db/testing/database.ts'" }),
      planted({ 'workers/usage/a.test.ts': "import '#db/testing/database.ts'\nimport { test } from 'vitest'" }),
      planted({ 'portal/src/a.tsx': "import '#shared/a.ts'\nimport { render } from 'solid-js/web'" }),
    ],
  },
  {
    rule: 'every file is reached from an entry',
    check: deadFiles,
    breaks: [planted({ 'shared/dead.ts': '' }), planted({ 'shared/one.ts': "import './two.ts'", 'shared/two.ts': "import './one.ts'" })],
    keeps: [
      planted({
        'workers/dev/start.mjs': "spawn('node', ['workers/dev/up.ts'])",
        'workers/dev/up.ts': "import '#db/seed.ts'",
        'db/seed.ts': '',
      }),
      planted({
        'workers/test/vitest.config.ts': "export default { globalSetup: ['workers/test/stack.ts'] }",
        'workers/test/stack.ts': '',
      }),
      planted({ 'portal/src/main.tsx': "import './app'", 'portal/src/app.tsx': 'export const app = <p>hi</p>' }),
    ],
  },
  {
    rule: 'no test is skipped or run alone',
    check: singledOutTests,
    breaks: [
      planted({ 'shared/a.test.ts': "test.skip('a', () => {})" }),
      planted({ 'shared/a.test.ts': "describe.only('a', () => {})" }),
      planted({ 'shared/a.test.ts': "it.runIf(false)('a', () => {})" }),
      planted({ 'shared/a.test.ts': "xit('a', () => {})" }),
    ],
    keeps: [planted({ 'shared/a.test.ts': "test.each([1])('a', () => { list.skip(1) })" })],
  },
  {
    rule: 'each Worker has index.ts, env.ts and limits.ts',
    check: incompleteWorkers,
    breaks: [{ ...planted({}), wranglerToml: 'main = "workers/usage/index.ts"' }],
    keeps: [planted({})],
  },
  {
    rule: 'the environment is read in env.ts only',
    check: environmentReadElsewhere,
    breaks: [
      planted({ 'workers/proxy/a.ts': 'export const f = (c) => c.env.LEDGER' }),
      planted({ 'workers/proxy/a.ts': 'class A { b = this.env.LEDGER }' }),
      planted({ 'workers/proxy/a.ts': "import { env } from 'cloudflare:workers'" }),
      planted({ 'workers/proxy/a.ts': 'export const f = ({ env }) => { const { LEDGER } = env; return LEDGER }' }),
      planted({ 'workers/services/a.ts': 'export const key = process.env.KEY' }),
    ],
    keeps: [planted({}), planted({ 'workers/dev/a.ts': 'export const key = process.env.KEY' })],
  },
])('$rule', ({ check, breaks, keeps }) => {
  test('in this tree', ({ expect }) => expect(check(tree)).toEqual([]))
  test('or the rule says so', ({ expect }) => {
    for (const broken of breaks) expect(check(broken), JSON.stringify(broken.sources.at(-1))).toHaveLength(1 + extra(broken))
    for (const kept of keeps) expect(check(kept)).toEqual([])
  })
})

/** A planted tree may break its rule more than once: by each file of a dead pair, by each file a Worker lacks. */
function extra(broken: Tree): number {
  if (broken.sources.some(({ path }) => path === 'shared/two.ts')) return 1
  return broken.wranglerToml.includes('usage') ? 2 : 0
}
