import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unstable_readConfig } from 'wrangler'
import { z } from 'zod'
import { checkoutDirectory, inheritedEnvironment, nodeBinary } from '#workers/dev/processes/environment.ts'

/** The Workers that serve and record a request. */
export const workerNames = ['proxy', 'ledger', 'usage'] as const
export type WorkerName = (typeof workerNames)[number]

const wranglerPath = fileURLToPath(import.meta.resolve('wrangler'))
const configPath = join(checkoutDirectory, 'wrangler.toml')

/** The settings of a Worker in wrangler.toml, so that the benchmark cannot drift away from what is deployed. */
export function readWorkerConfig(name: WorkerName) {
  return unstable_readConfig({ config: configPath, env: name }, { hideWarnings: true })
}

/** The benchmark's own Workers, which stand beside this file. */
const ownWorkers = { floor: './floor.ts', broker: './broker.ts' }
export type OwnWorkerName = keyof typeof ownWorkers
export const ownWorkerNames: readonly OwnWorkerName[] = ['floor', 'broker']

/** Bundles Workers side by side; answers the path of each one's module, relative to the directory. */
export async function bundleAll<Name extends WorkerName | OwnWorkerName>(
  names: readonly Name[],
  directory: string,
): Promise<Record<Name, string>> {
  const bundle = async (name: Name) => [name, relative(directory, await bundleWorker(name, join(directory, 'bundles')))]
  // Object.fromEntries forgets the keys; the entries were made from the names just above.
  return Object.fromEntries(await Promise.all(names.map(bundle))) as Record<Name, string>
}

/** Bundles a Worker as a deployment would, the benchmark's own ones in the same way; answers the path of its one module. */
async function bundleWorker(name: WorkerName | OwnWorkerName, directory: string): Promise<string> {
  const outdir = join(directory, name)
  const own = name === 'floor' || name === 'broker' ? fileURLToPath(new URL(ownWorkers[name], import.meta.url)) : null
  const which = own ? [own] : ['--env', name]
  const parameters = [wranglerPath, 'deploy', ...which, '--dry-run', '--config', configPath, '--outdir', outdir]
  const quiet = { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', WRANGLER_LOG_PATH: join(directory, 'logs'), CI: 'true' }
  await promisify(execFile)(nodeBinary, ['--no-warnings', ...parameters], { cwd: checkoutDirectory, env: inheritedEnvironment(quiet) })
  return join(outdir, own ? `${name}.js` : 'index.js')
}

/** The workerd that wrangler itself would run, whose version follows the platform's. */
export function findWorkerd(): { binary: string; version: string } {
  const require = createRequire(wranglerPath)
  const workerd = z.object({ default: z.string(), version: z.string() }).parse(require('workerd'))
  return { binary: workerd.default, version: workerd.version }
}
