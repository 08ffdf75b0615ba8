import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localHost, type Ports } from '#workers/dev/ports.ts'
import { acceptsConnections } from '#workers/dev/probes.ts'
import { inheritedEnvironment } from '#workers/dev/processes/environment.ts'
import type { ProcessPlan } from '#workers/dev/processes/supervised.ts'
import type { QueueFaults } from './broker.ts'
import { findWorkerd } from './bundle.ts'
import { type RelayBundles, relayConfiguration } from './configuration.ts'

export interface RelayChoice {
  directory: string
  ports: Pick<Ports, 'proxy' | 'neon'>
  bundles: RelayBundles
  databaseUrl: string
  /** The key that the upstream `scripted` takes. */
  upstreamKey: string
  /** Settings of the ledger, as `LEASE_MS`; its own defaults without. */
  ledger?: Record<string, string>
  queueFaults?: QueueFaults
}

/** Writes the configuration of a workerd that serves the whole relay. What its objects store stays in the folder from one run to the next. */
export function planRelay(choice: RelayChoice): ProcessPlan {
  const { directory, ports, bundles, databaseUrl, upstreamKey, ledger = {}, queueFaults } = choice
  const objectsDirectory = join(directory, 'objects')
  mkdirSync(objectsDirectory, { recursive: true })
  const stores = { DATABASE_URL: databaseUrl, NEON_ENDPOINT: `http://${localHost}:${ports.neon}` }
  const proxy = {
    ...stores,
    // Redis is asked about unknown keys only, and none is used here.
    UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
    UPSTASH_REDIS_REST_TOKEN: 'unused',
    UPSTREAM_CREDENTIALS: JSON.stringify({ scripted: upstreamKey }),
  }
  const vars = { proxy, ledger, usage: stores }
  return planWorkerd(
    'relay',
    directory,
    ports.proxy,
    relayConfiguration({ port: ports.proxy, bundles, vars, objectsDirectory, queueFaults }),
  )
}

/** One workerd with a configuration of its own, which names its modules by their paths below the directory. */
export function planWorkerd(name: string, directory: string, port: number, configuration: string): ProcessPlan {
  const file = join(directory, `${name}.capnp`)
  writeFileSync(file, configuration)
  return planProgram({ name, command: findWorkerd().binary, parameters: ['serve', '--experimental', file, 'config'], directory, port })
}

/** A program that is ready when it listens. */
export function planProgram(program: {
  name: string
  command: string
  parameters: string[]
  directory: string
  port: number
}): ProcessPlan {
  return {
    ...program,
    environment: inheritedEnvironment(),
    workingDirectory: program.directory,
    probe: acceptsConnections(program.port),
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGTERM',
  }
}
