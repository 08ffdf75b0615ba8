import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate } from '#db/migrate.ts'
import { openNodeDb } from '#db/node-client.ts'
import { type SeedModel, seed } from '#db/seed.ts'
import { assert } from '#shared/values/assert.ts'
import { findFreePorts, localHost, type Ports, portsFrom } from '#workers/dev/ports.ts'
import { createDatabase, planPostgres, postgresUrl } from '#workers/dev/postgres/cluster.ts'
import { claimDirectory } from '#workers/dev/processes/claim.ts'
import { checkoutDirectory, nodeBinary } from '#workers/dev/processes/environment.ts'
import { type ProcessPlan, SupervisedProcess } from '#workers/dev/processes/supervised.ts'
import { planNeon } from '#workers/dev/stand-ins.ts'
import { Books } from './books.ts'
import { makeCustomer } from './customer.ts'
import type { Job } from './load/job.ts'
import { isMessage, type Kind, kinds, modelOf, upstreamModelOf } from './upstream/answers.ts'
import { bundleAll, findWorkerd, ownWorkerNames, workerNames } from './workerd/bundle.ts'
import { floorConfiguration } from './workerd/configuration.ts'
import { planProgram, planRelay, planWorkerd } from './workerd/processes.ts'

export type TargetName = 'direct' | 'floor' | 'relay'

export interface Stage {
  ports: Record<TargetName, number>
  apiKey: string
  books: Books
  databaseUrl: string
  workerdVersion: string
  /** The processes that are measured; ids change when they are restarted. */
  processId(name: 'floor' | 'relay'): number
  /** Starts both workerd processes anew, with nothing in memory. */
  restartWorkerd(): Promise<void>
  stop(): Promise<void>
}

/** Starts everything in a fresh folder: Postgres, Neon's stand-in, the upstream, one workerd for the relay and one for the floor. */
export async function openStage(report: (line: string) => void): Promise<Stage> {
  const directory = join(checkoutDirectory, '.local', 'bench', 'stage')
  // Ends what a killed run has left behind, and refuses a second run beside a living one.
  const { release } = await claimDirectory(directory)
  for (const entry of readdirSync(directory)) if (entry !== 'run') rmSync(join(directory, entry), { recursive: true, force: true })
  const started: SupervisedProcess[] = []
  const start = async (plan: ProcessPlan) => {
    const supervised = new SupervisedProcess(plan, report)
    started.push(supervised)
    await supervised.start()
    return supervised
  }
  try {
    return await raise(directory, report, start, () => stopAll(started).then(release))
  } catch (error) {
    await stopAll(started)
    release()
    throw error
  }
}

/** Last started, first stopped: Workers end before what they use. */
async function stopAll(started: SupervisedProcess[]): Promise<void> {
  for (const supervised of started.toReversed()) await supervised.stop()
}

type Start = (plan: ProcessPlan) => Promise<SupervisedProcess>

async function raise(directory: string, report: (line: string) => void, start: Start, stopProcesses: () => Promise<void>): Promise<Stage> {
  report('bundling the Workers, starting Postgres')
  const [bundles, { ports, floorPort, databaseUrl }] = await Promise.all([
    bundleAll([...workerNames, ...ownWorkerNames], directory),
    startStores(directory, start),
  ])
  const workerd = findWorkerd()
  report(`starting workerd ${workerd.version}, for the floor and for the relay`)
  const upstreamUrl = `http://${localHost}:${ports.upstream}`
  const floor = await start(planWorkerd('floor', directory, floorPort, floorConfiguration(floorPort, bundles, upstreamUrl)))
  const relay = await start(planRelay({ directory, ports, bundles, databaseUrl, upstreamKey: 'sk-benchmark-upstream' }))
  const { db, close } = openNodeDb(databaseUrl, 2)
  const customer = await makeCustomer(db)
  return {
    ports: { direct: ports.upstream, floor: floorPort, relay: ports.proxy },
    apiKey: customer.apiKey,
    books: new Books(db, customer, `http://${localHost}:${ports.proxy}`),
    databaseUrl,
    workerdVersion: workerd.version,
    processId: (name) => requirePid(name === 'floor' ? floor : relay),
    restartWorkerd: async () => {
      await floor.restart()
      await relay.restart()
    },
    stop: async () => {
      await close()
      await stopProcesses()
    },
  }
}

async function startStores(directory: string, start: Start): Promise<{ ports: Ports; floorPort: number; databaseUrl: string }> {
  const [proxy, postgres, neon, upstream, floorPort] = await findFreePorts(5)
  assert(proxy && postgres && neon && upstream && floorPort, 'too few free ports')
  const ports = { ...portsFrom(0), proxy, postgres, neon, upstream }
  await start(await planPostgres(directory, postgres))
  await createDatabase(postgres)
  const databaseUrl = postgresUrl(postgres)
  await migrate(databaseUrl)
  await seed(databaseUrl, { upstreamUrl: `http://${localHost}:${upstream}`, models: kinds.map(modelFor) })
  await start(planNeon(directory, ports))
  const program = fileURLToPath(new URL('./upstream/main.ts', import.meta.url))
  await start(
    planProgram({ name: 'upstream', command: nodeBinary, parameters: [program, '--port', String(upstream)], directory, port: upstream }),
  )
  return { ports, floorPort, databaseUrl }
}

function modelFor(kind: Kind): SeedModel {
  const peers: SeedModel['peers'] = [isMessage(kind) ? 'scripted-anthropic' : 'scripted']
  return { id: modelOf(kind), upstreamModel: upstreamModelOf(kind), kind: 'chat', peers }
}

/** A process that died on the way was started again; whoever was talking to it has failed already. */
function requirePid(supervised: SupervisedProcess): number {
  assert(supervised.pid !== undefined, 'a measured process is gone')
  return supervised.pid
}

export type JobOf = Pick<Job, 'kind' | 'showsUsage' | 'maxTokens' | 'concurrency' | 'seconds'>

/** The job as one target must be asked: each knows the model by another name, and only the relay asks for usage on its own. */
export function jobFor(stage: Stage, name: TargetName, job: JobOf): Job {
  const model = name === 'relay' ? modelOf(job.kind) : upstreamModelOf(job.kind)
  const [provider, endpoint] = isMessage(job.kind) ? ['/anthropic', '/v1/messages'] : ['/openai', '/v1/chat/completions']
  const path = name === 'relay' ? endpoint : provider + endpoint
  const target = { port: stage.ports[name], path, apiKey: stage.apiKey, model }
  return { ...job, target, asksUsage: job.showsUsage || name === 'relay' }
}
