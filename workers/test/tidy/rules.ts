import { posix } from 'node:path'
import { isTest, roomOf, targetOf } from './arrows.ts'
import type { Tree } from './tree.ts'

/** The rules of the house. Each takes the tree and returns what breaks it, with what to do. */

const maxFileLines = 400
const maxFunctionLines = 70

/** The list of ARCHITECTURE.md, "Top level (fixed)". Names with a dot in front are free. */
const topLevel = new Set([
  'workers',
  'portal',
  'db',
  'shared',
  'wrangler.toml',
  'drizzle.config.ts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'node_modules',
])

function isGenerated(path: string): boolean {
  return path.startsWith('db/migrations/') || path.split('/').includes('generated') || /\.generated\.tsx?$/.test(path)
}

export function longFiles(tree: Tree): string[] {
  return tree.sources
    .filter(({ path, lines }) => lines > maxFileLines && !isGenerated(path))
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${maxFileLines}: split it by job`)
}

export function longFunctions(tree: Tree): string[] {
  return tree.sources
    .filter(({ path }) => !isGenerated(path))
    .flatMap(({ path, functions }) =>
      functions
        .filter(({ lines, isSuite }) => lines > maxFunctionLines && !isSuite)
        .map(({ name, lines, line }) => `${path}:${line} ${name} has ${lines} lines, more than ${maxFunctionLines}: split it by job`),
    )
}

export function strangersAtTop(tree: Tree): string[] {
  return tree.topLevel
    .filter((name) => !name.startsWith('.') && !topLevel.has(name))
    .map((name) => `${name} stands at the top level: move it into the room it belongs to`)
}

export function singledOutTests(tree: Tree): string[] {
  return tree.sources.flatMap(({ path, singledOut }) =>
    singledOut.map(({ call, line }) => `${path}:${line} ${call}: a test runs with all others or is deleted`),
  )
}

/** Folders of the Workers that wrangler.toml names, with the main of each. */
export function workersOf(tree: Tree): { folder: string; main: string }[] {
  const mains = [...tree.wranglerToml.matchAll(/^\s*main\s*=\s*"([^"]+)"/gm)].map(([, main = '']) => posix.normalize(main))
  return mains.map((main) => ({ folder: posix.dirname(main), main }))
}

export function incompleteWorkers(tree: Tree): string[] {
  const paths = new Set(tree.sources.map(({ path }) => path))
  return workersOf(tree).flatMap(({ folder, main }) =>
    [main, `${folder}/env.ts`, `${folder}/limits.ts`]
      .filter((path) => !paths.has(path))
      .map(
        (path) =>
          `${path} is missing: a Worker has index.ts (exports), env.ts (bindings, parsed) and limits.ts (every cap, with its reason)`,
      ),
  )
}

export function environmentReadElsewhere(tree: Tree): string[] {
  const workers = new Set([...workersOf(tree).map(({ folder }) => roomOf(`${folder}/index.ts`)), 'services', 'edge', 'shared'])
  return tree.sources
    .filter(({ path }) => workers.has(roomOf(path)) && !isTest(path) && posix.basename(path) !== 'env.ts')
    .flatMap(({ path, environmentReads }) =>
      environmentReads.map(({ what, line }) => `${path}:${line} ${what}: read it in the Worker's env.ts, which parses it, and pass it on`),
    )
}

/** Files that nothing leads to, from the Workers' mains, the programs of package.json, the tests, the configurations and the pages. */
export function deadFiles(tree: Tree): string[] {
  const byPath = new Map(tree.sources.map((source) => [source.path, source]))
  const reached = new Set<string>()
  const waiting = [...byPath.keys()].filter((path) => isEntry(path, tree))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const source = byPath.get(path)
    if (!source || reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of source.imports) waiting.push(...candidates(targetOf(path, specifier)))
    for (const mention of source.mentions) waiting.push(posix.join(posix.dirname(path), mention), posix.normalize(mention))
  }
  return [...byPath.keys()]
    .filter((path) => !reached.has(path) && !isGenerated(path))
    .map((path) => `${path} is reached by nothing: delete it, or import it where it is needed`)
}

function isEntry(path: string, tree: Tree): boolean {
  if (/\.test\.tsx?$/.test(path) || /(?:^|[./])config\.ts$/.test(path)) return true
  if (path.startsWith('portal/functions/')) return true
  if (workersOf(tree).some(({ main }) => main === path)) return true
  if (tree.packageJson.includes(path)) return true
  return tree.pages.some((page) => namedByPage(page).includes(path))
}

function namedByPage(page: string): string[] {
  const folder = posix.dirname(page.slice(0, page.indexOf('\n')))
  return [...page.matchAll(/src="\/?([^"]+)"/g)].map(([, script = '']) => posix.join(folder, script))
}

/** An import may leave out its ending where a bundler adds it. */
function candidates(target: string | null): string[] {
  return target === null ? [] : [target, `${target}.ts`, `${target}.tsx`, `${target}/index.ts`]
}
