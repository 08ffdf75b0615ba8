import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { readSource, type Source } from './source.ts'

/** The project as the rules see it: paths are relative to its root and use slashes. */
export interface Tree {
  topLevel: string[]
  sources: Source[]
  wranglerToml: string
  packageJson: string
  /** HTML pages, which are entries of the portal: a path, a line break, the text. */
  pages: string[]
}

const unread = new Set(['node_modules', '.git', '.local', '.wrangler', 'dist', 'coverage'])

export function readTree(root: string): Tree {
  const paths = readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    if (unread.has(entry.name)) return []
    if (entry.isFile()) return [entry.name]
    return entry.isDirectory() ? filesUnder(root, join(root, entry.name)) : []
  })
  const text = (path: string) => readFileSync(join(root, path), 'utf8')
  const isSource = (path: string) => /\.(?:tsx?|mjs)$/.test(path) && !path.endsWith('.d.ts')
  return {
    topLevel: readdirSync(root),
    sources: paths.filter(isSource).map((path) => readSource(path, text(path))),
    wranglerToml: text('wrangler.toml'),
    packageJson: text('package.json'),
    pages: paths.filter((path) => path.endsWith('.html')).map((path) => `${path}\n${text(path)}`),
  }
}

function filesUnder(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (unread.has(entry.name)) return []
    if (entry.isDirectory()) return filesUnder(root, path)
    return [relative(root, path).split(sep).join('/')]
  })
}
