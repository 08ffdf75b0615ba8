// Runs one verb of this project. Plain JavaScript without dependencies, because it installs them.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { judgeInstallation, writeStamp } from './installation/installation.mjs'

const oldestNode = 20
const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const vitest = ['vitest', 'run', '--config', 'workers/test/vitest.config.ts']

/**
 * A verb is a list of steps; the commands of one step run side by side.
 * @type {Record<string, (parameters: string[]) => string[][][]>}
 */
const verbs = {
  up: (parameters) => [[['node', 'workers/dev/up.ts', ...parameters]]],
  test: (parameters) => [
    [['node', 'workers/test/judge-run.ts', 'begin']],
    [[...vitest, '--reporter=default', '--reporter=json', '--outputFile.json=.local/test/report.json', ...parameters]],
    [['node', 'workers/test/judge-run.ts']],
  ],
  check: () => [
    [['biome', 'check', '.']],
    [
      ['tsc', '-p', 'tsconfig.json'],
      ['tsc', '-p', 'workers/dev/tsconfig.json'],
    ],
    [[...vitest, '--project', 'tidy']],
  ],
  bench: (parameters) => [[['node', 'workers/bench/run.ts', ...parameters]]],
  mutate: (parameters) => [[['node', 'workers/test/mutations/run.ts', ...parameters]]],
  migrate: () => [[['node', 'db/migrate.ts']]],
  relay: (parameters) => [[['node', 'workers/dev/relay/command.ts', ...parameters]]],
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

async function main() {
  const major = Number.parseInt(process.versions.node, 10)
  if (major < oldestNode) return fail(`Node ${oldestNode} or later is needed; this is ${process.version}.`)
  const [verb = '', ...parameters] = process.argv.slice(2)
  const plan = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  if (!plan) return fail(`Unknown verb "${verb}". There are: ${Object.keys(verbs).join(', ')}.`)
  if (!ensureInstalled()) return 1
  forwardSignals()
  for (const step of plan(parameters)) {
    const codes = await Promise.all(step.map(run))
    const failed = codes.find((code) => code !== 0)
    if (failed !== undefined) return failed
  }
  return 0
}

function ensureInstalled() {
  const state = judgeInstallation(root)
  if (state === 'stamped') return true
  if (state !== 'unstamped') {
    console.error(state === 'missing' ? 'Installing dependencies (npm ci)' : 'Dependencies changed, installing again (npm ci)')
    // Without this project's own Node on the path: npm ci removes it while npm runs.
    const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: outerPath() },
    })
    if (result.error) return explain(`npm could not be run: ${result.error.message}. Install npm and try again.`)
    if (result.status !== 0) return explain('npm ci failed; its messages above say why. Nothing was started.')
  }
  if (!existsSync(join(bin, 'node'))) {
    return explain('npm did not install the package "node" with its program. If npm is set to ignore scripts, allow them for this project.')
  }
  writeStamp(root)
  return true
}

/** The path without any node_modules/.bin, which npm puts first. */
function outerPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.filter((folder) => !folder.endsWith(`node_modules${sep}.bin`)).join(delimiter)
}

/**
 * Runs one command and resolves with its exit code, as a shell would give it.
 * @param {string[]} command
 * @returns {Promise<number>}
 */
function run([program = '', ...parameters]) {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: [bin, outerPath()].join(delimiter) }
    const child = spawn(join(bin, program), parameters, { cwd: root, stdio: 'inherit', env })
    running.add(child)
    child.once('error', (error) => resolve(fail(`${program} could not be run: ${error.message}`)))
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}

/** Ctrl-C reaches the whole foreground group by itself; this process only has to stay until its children ended. */
function forwardSignals() {
  process.on('SIGINT', () => !process.stdin.isTTY && signalAll('SIGINT'))
  if (process.env.npm_lifecycle_event) endWithParent()
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => signalAll(signal))
}

/** npm passes a signal to the shell between it and this process, which dies of it without passing it on. */
function endWithParent() {
  const parent = process.ppid
  const pollMs = 500
  setInterval(() => process.ppid !== parent && signalAll('SIGTERM'), pollMs).unref()
}

/** @param {NodeJS.Signals} signal */
function signalAll(signal) {
  for (const child of running) child.kill(signal)
}

/** @param {string} message */
function fail(message) {
  console.error(message)
  return 1
}

/** @param {string} message */
function explain(message) {
  console.error(message)
  return false
}

process.exitCode = await main()
