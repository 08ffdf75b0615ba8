import { posix } from 'node:path'
import type { Tree } from './tree.ts'

/** Which room may import which: `shared <- db <- workers/services <- Workers`, as ARCHITECTURE.md draws it. */

const fromOutside = /^(?:node:|cloudflare:|[@a-z])/
const onlyInTests = new Set(['vitest', 'vitest/config', 'vitest/node', 'fast-check', 'cloudflare:test'])
const testingRooms = new Set(['dev', 'test', 'bench'])

/** The room a path belongs to: `shared`, `db`, `portal`, `services`, `edge`, `dev`, `test`, `bench`, `root`, or a Worker's name. */
export function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  if (!path.includes('/')) return 'root'
  return top === 'workers' ? second : top
}

/** Tests, and what only tests use. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || path.split('/').includes('testing') || testingRooms.has(roomOf(path))
}

/** The path an import names inside the project; null when it names a package. */
export function targetOf(path: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier)
  const own = /^#(shared|db|workers)\/(.*)$/.exec(specifier)
  return own ? `${own[1]}/${own[2]}` : null
}

export function brokenArrows(tree: Tree): string[] {
  return tree.sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, isTypeOnly, line }) => {
      const target = targetOf(path, specifier)
      const wrong = target === null ? wrongPackage(path, specifier) : wrongRoom(path, target, isTypeOnly)
      return wrong ? [`${path}:${line} imports ${specifier}: ${wrong}`] : []
    }),
  )
}

function wrongPackage(path: string, specifier: string): string | null {
  if (!fromOutside.test(specifier)) return 'name it by a relative path or by #shared, #db, #workers'
  if (isTest(path)) return null
  if (onlyInTests.has(specifier)) return 'only tests may; name the file *.test.ts or move it to a folder testing/'
  const room = roomOf(path)
  if (room === 'shared' && !/^zod(?:\/|$)/.test(specifier)) return 'shared runs anywhere and takes only zod from outside; pass the rest in'
  if (room === 'ledger' && specifier.startsWith('drizzle-orm')) return 'the ledger must answer when Postgres is down'
  return null
}

function wrongRoom(path: string, target: string, isTypeOnly: boolean): string | null {
  const from = roomOf(path)
  const to = roomOf(target)
  if (from === to) return isTest(path) || !isTest(target) ? null : 'a product file may not use what only tests use'
  if (from === 'root' || testingRooms.has(from)) return null
  if (isTest(path)) return from === 'shared' && to !== 'shared' ? 'shared stands on nothing, its tests too' : null
  if (isTest(target)) return 'a product file may not use what only tests and the local stack use'
  return wrongProductArrow(from, to, isTypeOnly)
}

function wrongProductArrow(from: string, to: string, isTypeOnly: boolean): string | null {
  if (to === 'shared') return null
  if (from === 'shared') return 'shared stands on nothing; move what it needs into shared or the caller out of it'
  if (from === 'portal') return 'the portal imports shared only; reach the rest through the API'
  if (from === 'db') return 'db stands on shared only; the verb belongs into workers/services'
  if (from === 'ledger' && to !== 'edge') return 'the ledger must answer when Postgres is down; pass in what it needs'
  if (from === 'edge') return 'workers/edge stands on shared only'
  if (to === 'db' || to === 'edge') return null
  if (from === 'services') return 'a service may not know a Worker; move the shared part into workers/services'
  if (to === 'services' || isTypeOnly) return null
  return 'Workers never import one another; use `import type` for an RPC class, or move the verb into workers/services'
}
