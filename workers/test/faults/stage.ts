import { readdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Db } from '#db/client.ts'
import { migrate } from '#db/migrate.ts'
import { openNodeDb } from '#db/node-client.ts'
import type { QueueFaults } from '#workers/bench/workerd/broker.ts'
import { bundleAll, workerNames } from '#workers/bench/workerd/bundle.ts'
import { planRelay } from '#workers/bench/workerd/processes.ts'
import { createNeonEndpoint } from '#workers/dev/neon-endpoint/endpoint.ts'
import { findFreePorts, localHost } from '#workers/dev/ports.ts'
import { createDatabase, planPostgres, postgresUrl } from '#workers/dev/postgres/cluster.ts'
import { claimDirectory } from '#workers/dev/processes/claim.ts'
import { checkoutDirectory } from '#workers/dev/processes/environment.ts'
import { SupervisedProcess } from '#workers/dev/processes/supervised.ts'
import { startUpstream, type Upstream } from '#workers/dev/upstream/server.ts'
import { seedModels } from './catalogue.ts'
import { PostgresLink } from './postgres-link.ts'
import { UpstreamLink } from './upstream-link.ts'

/** Short, so that orphans and lost messages are made good while a test waits. */
export const leaseMs = 2_000
export const resendAfterMs = 1_000

export interface StageChoice {
  resendAfterMs?: number
  queueFaults?: QueueFaults
}

export interface FaultStage {
  relayUrl: string
  /** Beside the links: for asking what is true. */
  db: Db
  upstream: Upstream
  relay: SupervisedProcess
  postgres: SupervisedProcess
  neon: Server
  upstreamLink: UpstreamLink
  postgresLink: PostgresLink
  /** Starts the relay anew with other settings, and with the usual ones where none are named. */
  restartRelay(choice?: StageChoice): Promise<void>
  close(): Promise<void>
}

/**
 * The relay in one workerd, real Postgres, and between them, in this process, links that see what passes. The relay has nothing built in for
 * tests: all faults come from outside.
 */
export async function openFaultStage(): Promise<FaultStage> {
  const directory = join(checkoutDirectory, '.local', 'faults')
  const { release } = await claimDirectory(directory)
  for (const entry of readdirSync(directory)) if (entry !== 'run') rmSync(join(directory, entry), { recursive: true, force: true })
  const [proxyPort = 0, neonPort = 0, upstreamLinkPort = 0, postgresPort = 0] = await findFreePorts(4)
  const [bundles, postgres] = await Promise.all([
    bundleAll([...workerNames, 'broker'], directory),
    startPostgres(directory, postgresPort, `http://${localHost}:${upstreamLinkPort}`),
  ])
  const upstream = await startUpstream({ port: 0, key: 'sk-scripted-upstream' })
  const upstreamLink = new UpstreamLink(Number(new URL(upstream.url).port))
  await upstreamLink.listen(upstreamLinkPort)
  const postgresLink = new PostgresLink(postgresPort)
  const neon = createNeonEndpoint(await postgresLink.listen(), () => undefined)
  await new Promise<void>((resolve) => neon.listen(neonPort, localHost, resolve))
  const planWith = ({ queueFaults, ...choice }: StageChoice) =>
    planRelay({
      directory,
      ports: { proxy: proxyPort, neon: neonPort },
      bundles,
      databaseUrl: postgresUrl(postgresPort),
      upstreamKey: 'sk-scripted-upstream',
      ledger: { LEASE_MS: String(leaseMs), RESEND_AFTER_MS: String(choice.resendAfterMs ?? resendAfterMs) },
      ...(queueFaults && { queueFaults }),
    })
  const relay = new SupervisedProcess(planWith({}), () => undefined)
  await relay.start()
  const { db, close } = openNodeDb(postgresUrl(postgresPort), 4)
  return {
    relayUrl: `http://${localHost}:${proxyPort}`,
    db,
    upstream,
    relay,
    postgres,
    neon,
    upstreamLink,
    postgresLink,
    restartRelay: async (choice = {}) => {
      await relay.stop()
      // The configuration is a file of one name, which the process reads when it starts.
      planWith(choice)
      await relay.start()
    },
    close: async () => {
      await relay.stop()
      neon.closeAllConnections()
      await new Promise((resolve) => neon.close(resolve))
      await Promise.all([upstreamLink.close(), postgresLink.close(), upstream.close(), close()])
      await postgres.stop()
      release()
    },
  }
}

async function startPostgres(directory: string, port: number, upstreamUrl: string): Promise<SupervisedProcess> {
  const postgres = new SupervisedProcess(await planPostgres(directory, port), () => undefined)
  await postgres.start()
  await createDatabase(port)
  await migrate(postgresUrl(port))
  await seedModels(postgresUrl(port), upstreamUrl)
  return postgres
}
