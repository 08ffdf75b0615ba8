import { mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type AccessCredentials, loadAccessCredentials } from './access-front/credentials.ts'
import { prepareDatabase } from './database.ts'
import { type Demo, type KeptDemo, readKeptDemo, type StackDescription, writeDescription } from './description.ts'
import { storeMailServer } from './mail-server.ts'
import { localHost, type Ports, portsFrom, requireFreePorts } from './ports.ts'
import { createDatabase, planPostgres, postgresUrl } from './postgres/cluster.ts'
import { claimDirectory } from './processes/claim.ts'
import { checkoutDirectory } from './processes/environment.ts'
import { type ProcessPlan, SupervisedProcess } from './processes/supervised.ts'
import { findRedis } from './redis/binary.ts'
import { planRedis } from './redis/server.ts'
import {
  loadLocalKeks,
  loadMailPassword,
  loadRestToken,
  loadStripeKeys,
  planAccess,
  planDns,
  planInbox,
  planKms,
  planMail,
  planNeon,
  planOauth,
  planStripe,
  planUpstash,
  planUpstream,
  type StripeKeys,
} from './stand-ins.ts'
import { storeStripeSettings } from './stripe-settings.ts'
import { planWorker, type WorkerName, workerNames } from './worker-processes/plan.ts'
import { workerVars } from './worker-processes/vars.ts'

export type { StackDescription } from './description.ts'
export type { WorkerName } from './worker-processes/plan.ts'

const standInNames = [
  'postgres',
  'neon',
  'redis',
  'upstash',
  'access',
  'upstream',
  'kms',
  'dns',
  'github',
  'google',
  'mail',
  'inbox',
  'stripe',
] as const
export type ProcessName = (typeof standInNames)[number] | WorkerName
const processNames: readonly ProcessName[] = [...standInNames, ...workerNames]

/** A killed process of many threads may hold its port a moment longer than its entry in the process table. */
const releaseMs = 3_000

export type StackOptions = {
  /** Everything the stack keeps and writes; one stack at a time in one directory. */
  directory: string
  /** The stack listens on this port and the twenty-one after it; `ports.ts` says which part on which. */
  portBase: number
  /** Forget all data of earlier runs first. */
  reset?: boolean
  progress?: (line: string) => void
  /** Variables on top of, or instead of, the stack's own, for one Worker each. */
  vars?: Partial<Record<WorkerName, Record<string, string>>>
  /** Gives up a start that is under way: what has started is stopped, and the promise rejects. */
  signal?: AbortSignal
  /** Another wrangler.toml with the same environments; for tests of the stack itself. */
  configPath?: string
}

export type Stack = {
  description: StackDescription
  databaseUrl: string
  logFiles: Record<ProcessName, string>
  /** Signals a process and what it started. A signal that ends it resolves after its death; it is then started again by itself. */
  kill: (name: ProcessName, signal: NodeJS.Signals) => Promise<void>
  /** Ends a process in an orderly way and leaves it down until `restart`. */
  halt: (name: ProcessName) => Promise<void>
  /** Ends a process if it runs, starts it, and resolves when it is ready. */
  restart: (name: ProcessName) => Promise<void>
  /** Resolves when a process is ready; after `kill`, ready again. */
  ready: (name: ProcessName, timeoutMs?: number) => Promise<void>
  processId: (name: ProcessName) => number | undefined
  stop: () => Promise<void>
}

type Processes = Map<ProcessName, SupervisedProcess>

type Setting = {
  directory: string
  ports: Ports
  report: (line: string) => void
  access: AccessCredentials
  restToken: string
  localKeks: string
  mailPassword: string
  stripeKeys: StripeKeys
  options: StackOptions
}

/** Starts Postgres, Redis, their edge endpoints, the scripted upstream and all Workers; resolves when all of them answer. */
export async function startStack(options: StackOptions): Promise<Stack> {
  mkdirSync(options.directory, { recursive: true })
  const directory = realpathSync(resolve(options.directory))
  const report = options.progress ?? (() => undefined)
  const claim = await claimDirectory(directory)
  const processes: Processes = new Map()
  const giveUp = () => void stopAll(processes)
  options.signal?.addEventListener('abort', giveUp)
  try {
    if (claim.ended > 0) report(`ended ${claim.ended} processes of an earlier run`)
    const file = join(directory, 'stack.json')
    const kept = options.reset ? {} : readKeptDemo(file)
    clearDirectory(directory, options.reset ?? false)
    const ports = portsFrom(options.portBase)
    await requireFreePorts(ports, [...processNames, 'smtp'], claim.ended > 0 ? releaseMs : 0)
    const access = await loadAccessCredentials(join(directory, 'access.json'))
    const setting: Setting = {
      directory,
      ports,
      report,
      access,
      restToken: loadRestToken(directory),
      localKeks: loadLocalKeks(directory),
      mailPassword: loadMailPassword(directory),
      stripeKeys: loadStripeKeys(directory),
      options,
    }
    const demo = await startStores(processes, setting, kept)
    await startWorkers(processes, setting)
    const description = describeStack(setting, demo)
    writeDescription(file, description)
    return composeStack(processes, description, postgresUrl(ports.postgres), claim.release)
  } catch (error) {
    await stopAll(processes)
    claim.release()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', giveUp)
  }
}

/** Logs and registry entries belong to one run; everything else is data, and goes only when asked. */
function clearDirectory(directory: string, reset: boolean): void {
  for (const name of readdirSync(directory)) {
    if (name === 'redis-bin' || name === 'run') continue
    if (reset || name === 'logs') rmSync(join(directory, name), { recursive: true, force: true })
  }
  rmSync(join(directory, 'run', 'registry'), { recursive: true, force: true })
}

async function startStores(processes: Processes, setting: Setting, kept: KeptDemo): Promise<Demo> {
  const { directory, ports, report, restToken, mailPassword, stripeKeys } = setting
  const start = (plan: ProcessPlan) => startProcess(processes, plan, setting)
  const postgres = async () => {
    await start(await planPostgres(directory, ports.postgres))
    await createDatabase(ports.postgres)
    await start(planNeon(directory, ports))
    const upstreamUrl = `http://${localHost}:${ports.upstream}`
    const demo = await prepareDatabase(postgresUrl(ports.postgres), { upstreamUrl, kept }, report)
    await storeMailServer(postgresUrl(ports.postgres), ports.smtp, mailPassword, apiVars(setting))
    await storeStripeSettings(postgresUrl(ports.postgres), stripeKeys, apiVars(setting))
    return demo
  }
  const redis = async () => {
    await start(planRedis(directory, ports.redis, await findRedis(join(checkoutDirectory, '.local', 'redis-bin'), report)))
    await start(planUpstash(directory, ports, restToken))
  }
  const demo = postgres()
  const others = [
    planUpstream(directory, ports),
    planAccess(directory, ports),
    planDns(directory, ports),
    planKms(directory, ports),
    planOauth(directory, ports, 'github'),
    planOauth(directory, ports, 'google'),
    planMail(directory, ports, mailPassword),
    planInbox(directory, ports),
    planStripe(directory, ports, stripeKeys),
  ]
  await waitForAll([demo, redis(), ...others.map(start)])
  return demo
}

async function startWorkers(processes: Processes, setting: Setting): Promise<void> {
  const { directory, ports, access, options } = setting
  const configPath = resolve(options.configPath ?? join(checkoutDirectory, 'wrangler.toml'))
  const vars = workerVars(ports, setting, access.audience)
  const plans = workerNames.map((name) =>
    planWorker({ name, port: ports[name], directory, configPath, vars: { ...vars[name], ...options.vars?.[name] } }),
  )
  await waitForAll(plans.map((plan) => startProcess(processes, plan, setting)))
}

/** What the api Worker will have of key encryption keys: it opens the password that is sealed here. */
function apiVars(setting: Setting): Record<string, string> {
  const { ports, access, options } = setting
  return { ...workerVars(ports, setting, access.audience).api, ...options.vars?.api }
}

async function startProcess(processes: Processes, plan: ProcessPlan, { report, options }: Setting): Promise<void> {
  options.signal?.throwIfAborted()
  const supervised = new SupervisedProcess(plan, report)
  processes.set(requireProcessName(plan.name), supervised)
  const startedAt = performance.now()
  await supervised.start()
  report(`${plan.name} ready (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
}

/** Waits for all even when one fails, so that nothing is still starting while the stack is being stopped. */
async function waitForAll(work: Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}

function describeStack({ ports, access }: Setting, demo: Demo): StackDescription {
  return {
    proxyUrl: `http://${localHost}:${ports.proxy}`,
    apiUrl: `http://${localHost}:${ports.api}`,
    adminUrl: `http://${localHost}:${ports.access}`,
    postgresUrl: postgresUrl(ports.postgres),
    redisUrl: `redis://${localHost}:${ports.redis}`,
    upstreamUrl: `http://${localHost}:${ports.upstream}`,
    kmsUrl: `http://${localHost}:${ports.kms}`,
    mailUrl: `http://${localHost}:${ports.mail}`,
    inboxUrl: `http://${localHost}:${ports.inbox}`,
    dnsUrl: `http://${localHost}:${ports.dns}`,
    githubUrl: `http://${localHost}:${ports.github}`,
    googleUrl: `http://${localHost}:${ports.google}`,
    stripeUrl: `http://${localHost}:${ports.stripe}`,
    demo,
    access: access.serviceToken,
  }
}

function composeStack(processes: Processes, description: StackDescription, databaseUrl: string, release: () => void): Stack {
  const find = (name: ProcessName): SupervisedProcess => {
    const found = processes.get(name)
    if (!found) throw new Error(`The stack has no process ${name}`)
    return found
  }
  // Every process was started, so the record is complete.
  const logFiles = Object.fromEntries(processNames.map((name) => [name, find(name).logFile])) as Stack['logFiles']
  return {
    description,
    databaseUrl,
    logFiles,
    kill: (name, signal) => find(name).kill(signal),
    halt: (name) => find(name).stop(),
    restart: (name) => find(name).restart(),
    ready: (name, timeoutMs) => find(name).ready(timeoutMs),
    processId: (name) => find(name).pid,
    stop: async () => {
      await stopAll(processes)
      release()
    },
  }
}

/** Workers end before what they use, so that their last words find someone listening. */
async function stopAll(processes: Processes): Promise<void> {
  const isWorker = (name: ProcessName) => workerNames.some((worker) => worker === name)
  const stop = (part: [ProcessName, SupervisedProcess][]) => Promise.all(part.map(([, each]) => each.stop()))
  await stop([...processes].filter(([name]) => isWorker(name)))
  await stop([...processes].filter(([name]) => !isWorker(name)))
}

function requireProcessName(name: string): ProcessName {
  const found = processNames.find((each) => each === name)
  if (!found) throw new Error(`${name} is no process of a stack`)
  return found
}
