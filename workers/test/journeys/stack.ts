import { randomBytes } from 'node:crypto'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { kmsVars } from '#workers/dev/kms/vars.ts'
import { portsFrom, requireFreePorts } from '#workers/dev/ports.ts'
import { checkoutDirectory } from '#workers/dev/processes/environment.ts'
import { type Stack, type StackDescription, startStack } from '#workers/dev/stack.ts'
import { seedVariants } from './catalogue.ts'
import { type ControlServer, serveControl } from './control-server.ts'

/** What every journey is told of the one stack that all of them share. */
export type JourneyStack = StackDescription & {
  /** Kills and restarts processes of the stack, which only its owner can. */
  controlUrl: string
  /** Everything the stack keeps and writes. */
  directory: string
  leaseMs: number
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: JourneyStack
  }
}

/** Short, so that an orphan is settled while a test waits. */
const leaseMs = 5_000

/** Away from the ports of `npm start` and of the stack's own test, and below those the system hands out. */
const portBases = Array.from({ length: 20 }, (_, index) => 24_100 + index * 100)

/** Always the same place, so that a run which was killed is cleared away by the next. */
const directory = join(checkoutDirectory, '.local', 'journeys')
const stackDirectory = join(directory, 'stack')
const sourcesDirectory = join(directory, 'sources')

/** Starts one stack for all journeys; vitest calls it once, before the first of them, and what it returns after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const portBase = await freePortBase()
  const configPath = copySources()
  const keks = keyEncryptionVars(portBase)
  const vars = { ledger: { LEASE_MS: String(leaseMs) }, proxy: keks, api: keks, admin: keks, webhooks: keks }
  const stack = await startStack({ directory: stackDirectory, portBase, reset: true, configPath, vars })
  const control = await prepare(stack)
  project.provide('stack', { ...stack.description, controlUrl: control.url, directory: dirname(dirname(stack.logFiles.proxy)), leaseMs })
  return async () => {
    await control.close()
    await stack.stop()
    keepOnlyLogs()
  }
}

/** Every key encryption key there is for a journey to move to; `local1` wraps at first. */
function keyEncryptionVars(portBase: number): Record<string, string> {
  const localKeks = Object.fromEntries(['local1', 'local2'].map((keyId) => [keyId, randomBytes(32).toString('base64')]))
  return { ...kmsVars(portsFrom(portBase)), KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify(localKeks), LOCAL_KEK_ID: 'local1' }
}

async function prepare(stack: Stack): Promise<ControlServer> {
  try {
    await seedVariants(stack.databaseUrl, stack.description)
    return await serveControl(stack)
  } catch (error) {
    await stack.stop()
    throw error
  }
}

async function freePortBase(): Promise<number> {
  const [first = 0, ...others] = portBases
  for (const portBase of [first, ...others]) {
    const ports = portsFrom(portBase)
    const names = Object.keys(ports) as (keyof typeof ports)[] // The keys of a record of ports are their names.
    const isFree = await requireFreePorts(ports, names).then(
      () => true,
      () => false,
    )
    if (isFree) return portBase
  }
  throw new Error('No free ports for the stack of the journeys')
}

/** Runs the Workers from a copy: a local Worker starts anew when a source changes, which would cut the streams of a running journey. */
function copySources(): string {
  rmSync(sourcesDirectory, { recursive: true, force: true })
  for (const name of ['shared', 'db', 'workers', 'package.json', 'tsconfig.json', 'wrangler.toml']) {
    cpSync(join(checkoutDirectory, name), join(sourcesDirectory, name), { recursive: true })
  }
  return join(sourcesDirectory, 'wrangler.toml')
}

/** The logs stay, for whoever wants to know why a journey failed. */
function keepOnlyLogs(): void {
  rmSync(sourcesDirectory, { recursive: true, force: true })
  for (const name of readdirSync(stackDirectory)) {
    if (name !== 'logs') rmSync(join(stackDirectory, name), { recursive: true, force: true })
  }
}
