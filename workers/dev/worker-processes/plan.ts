import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { localHost } from '../ports.ts'
import { answersHttp, listensAndLogged, type Probe } from '../probes.ts'
import { checkoutDirectory, inheritedEnvironment, nodeBinary } from '../processes/environment.ts'
import { identifyProcess, listProcesses } from '../processes/identity.ts'
import type { ProcessPlan } from '../processes/supervised.ts'
import { replaceFile } from '../replace-file.ts'
import { formatEnvFile } from './env-file.ts'

/** Consumers come before producers: a local queue drops messages nobody consumes. */
export const workerNames = ['webhooks', 'usage', 'ledger', 'proxy', 'quality', 'api', 'admin'] as const
export type WorkerName = (typeof workerNames)[number]

export type WorkerPlanOptions = {
  name: WorkerName
  port: number
  /** The stack's directory. */
  directory: string
  configPath: string
  vars: Record<string, string>
}

/** The others are reached by their bindings only; asking them over HTTP would log an error. */
const httpWorkers = new Set<WorkerName>(['proxy', 'api', 'admin'])

const wranglerProgram = join(checkoutDirectory, 'node_modules', 'wrangler', 'wrangler-dist', 'cli.js')

/** One Worker under `wrangler dev`, with state and port of its own; Workers of one stack find each other through its registry folder. */
export function planWorker(options: WorkerPlanOptions): ProcessPlan {
  const { name, port, directory, configPath } = options
  const stateDirectory = join(directory, 'workers', name)
  mkdirSync(stateDirectory, { recursive: true })
  const envFile = join(directory, 'run', `${name}.env`)
  replaceFile(envFile, formatEnvFile(options.vars))
  const entry = join(registryDirectory(directory), `relay-${name}`)
  const settings = {
    env: name,
    config: configPath,
    ip: localHost,
    port,
    'inspector-port': 0,
    'persist-to': stateDirectory,
    'env-file': envFile,
  }
  return {
    name,
    command: nodeBinary,
    parameters: [
      '--no-warnings',
      wranglerProgram,
      'dev',
      ...Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]),
      '--show-interactive-dev-session=false',
    ],
    environment: inheritedEnvironment(wranglerEnvironment(directory)),
    workingDirectory: dirname(configPath),
    directory,
    probe: httpWorkers.has(name) ? answersHttp(`http://${localHost}:${port}/`) : isRegistered(port, entry),
    watch: () => watchListener(directory, port),
    readyTimeoutMs: 60_000,
    stopSignal: 'SIGTERM',
    // A killed Worker leaves its entry, which the next process does not take over: others would call the dead one for ever.
    prepare: () => rmSync(entry, { force: true }),
    failureSign: /Build failed|The Workers runtime failed to start|Address already in use/,
  }
}

/** No telemetry, no update check, no question, and no look-up of the place this machine is in. */
function wranglerEnvironment(directory: string): Record<string, string> {
  return {
    WRANGLER_REGISTRY_PATH: registryDirectory(directory),
    WRANGLER_LOG_PATH: join(directory, 'logs', 'wrangler'),
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_SEND_ERROR_REPORTS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    CI: 'true',
  }
}

/** Where the Workers of one stack find each other: a file for each, named like the Worker in wrangler.toml. */
function registryDirectory(directory: string): string {
  return join(directory, 'run', 'registry')
}

/** A Worker that is called through bindings is ready when the others can find it. */
function isRegistered(port: number, entry: string): Probe {
  const listens = listensAndLogged(port, /Ready on http/)
  return async (readOwnLog) => existsSync(entry) && (await listens(readOwnLog))
}

/**
 * wrangler replaces a dead workerd, but the one that listens comes back deaf: it accepts requests and never answers
 * them. The Worker's own workerd is another process, which wrangler may replace at any time.
 */
function watchListener(directory: string, port: number): () => boolean {
  const listener = listProcesses(directory).find((each) => each.command.includes(`--socket-addr=entry=${localHost}:${port} `))
  const identity = listener && identifyProcess(listener.pid)
  return () => listener === undefined || identifyProcess(listener.pid) === identity
}
