import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout: two folders above `workers/dev`. */
export const checkoutDirectory = fileURLToPath(new URL('../../../', import.meta.url).href)

/** Node 24, brought along as a package: the machine's own Node may be too old for wrangler. */
export const nodeBinary = join(checkoutDirectory, 'node_modules', '.bin', 'node')

/** What a child inherits: not the settings a test runner made for itself. */
export function inheritedEnvironment(additions: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS|NODE_ENV|TEST|PROD|DEV|MODE|VITEST.*)$/.test(name))
  const path = [join(checkoutDirectory, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter)
  return { ...Object.fromEntries(kept), PATH: path, NO_COLOR: '1', ...additions }
}
