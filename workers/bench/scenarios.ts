import { setTimeout as wait } from 'node:timers/promises'
import { assert } from '#shared/values/assert.ts'
import type { LoadClient } from './load/client.ts'
import { cpuSeconds } from './measure/process-cost.ts'
import { median, medianDifference, medianRatio, percentile } from './measure/statistics.ts'
import type { Options } from './options.ts'
import { jobFor, type Stage, type TargetName } from './stage.ts'
import { chunkIntervalMs, type Kind } from './upstream/answers.ts'

export interface Scenario {
  name: string
  kind: Kind
  showsUsage: boolean
  maxTokens: number | undefined
  concurrencies: number[]
}

/** An ordinary bound on an answer; without it a hold is as large as the model can make it, and written at once. */
const maxTokens = 1_000

export const scenarios: readonly Scenario[] = [
  { name: 'whole', kind: 'whole', showsUsage: false, maxTokens, concurrencies: [1, 16, 64] },
  { name: 'whole-unbounded', kind: 'whole', showsUsage: false, maxTokens: undefined, concurrencies: [16] },
  { name: 'burst', kind: 'burst', showsUsage: false, maxTokens, concurrencies: [1, 16, 64] },
  { name: 'burst-usage', kind: 'burst', showsUsage: true, maxTokens, concurrencies: [1, 16, 64] },
  { name: 'paced', kind: 'paced', showsUsage: false, maxTokens, concurrencies: [16, 64] },
  { name: 'paced-usage', kind: 'paced', showsUsage: true, maxTokens, concurrencies: [16, 64] },
  { name: 'anthropic-burst', kind: 'anthropic-burst', showsUsage: true, maxTokens, concurrencies: [1, 16, 64] },
  { name: 'anthropic-paced', kind: 'anthropic-paced', showsUsage: true, maxTokens, concurrencies: [16, 64] },
]

/** V8 compiles for the long run what has been running for a while; before that the relay, which has more code, would pay more. */
const warmUpSeconds = 3

/** One side of one round. */
export interface Side {
  requests: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  firstByteMs: number
  cpuMsPerRequest: number
}

export interface Comparison {
  scenario: string
  concurrency: number
  /** Medians over the rounds. */
  floor: Side
  relay: Side
  directPerSecond: number
  /** Medians of what each round says on its own. */
  throughputRatio: number
  addedP50Ms: number
  addedP99Ms: number
  addedFirstByteMs: number
  cpuRatio: number
  rounds: { floor: Side; relay: Side }[]
}

export async function compare(
  stage: Stage,
  load: LoadClient,
  { name, concurrencies, ...request }: Scenario,
  options: Options,
  report: (line: string) => void,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const side of ['floor', 'relay'] as const) await measure(stage, load, side, { ...request, concurrency: 16, seconds: warmUpSeconds })
  for (const concurrency of concurrencies) {
    // A round holds at least one and a half paced streams after another, or it would measure connecting.
    const seconds = Math.max(options.seconds, (chunkIntervalMs[request.kind] * 150) / 1_000)
    const job = { ...request, concurrency, seconds }
    const warmUp = { ...job, seconds: Math.min(1, seconds) }
    for (const side of ['floor', 'relay'] as const) await measure(stage, load, side, warmUp)
    const direct = await load.run(jobFor(stage, 'direct', { ...job, seconds: Math.min(1, seconds) }))
    const rounds: Comparison['rounds'] = []
    for (let round = 0; round < options.rounds; round++) {
      // Who goes first alternates, so that a machine growing slower or faster favours neither.
      const order = round % 2 === 0 ? (['floor', 'relay'] as const) : (['relay', 'floor'] as const)
      const sides = new Map<TargetName, Side>()
      for (const side of order) sides.set(side, await measure(stage, load, side, job))
      const floor = sides.get('floor')
      const relay = sides.get('relay')
      assert(floor && relay, 'a round has two sides')
      rounds.push({ floor, relay })
      report(`${name} c${concurrency} round ${round + 1}: ${describe(floor, relay)}`)
    }
    comparisons.push(summarize(name, concurrency, direct.latenciesMs.length / direct.elapsedSeconds, rounds))
  }
  return comparisons
}

type JobPart = Parameters<typeof jobFor>[2]

/**
 * One side of one round. What the relay spends after its last answer, on settling, queue and Postgres, is part of its cost: it is measured until
 * all usage has arrived. That also keeps it out of the other side's round.
 */
async function measure(stage: Stage, load: LoadClient, name: 'floor' | 'relay', job: JobPart): Promise<Side> {
  const pid = stage.processId(name)
  const cpuBefore = cpuSeconds(pid)
  const { latenciesMs, firstBytesMs, elapsedSeconds } = await load.run(jobFor(stage, name, job))
  if (name === 'relay') {
    stage.books.note(job.kind, latenciesMs.length)
    await stage.books.settled()
  } else await wait(50)
  assert(stage.processId(name) === pid, 'a measured process died and was started again')
  return {
    requests: latenciesMs.length,
    requestsPerSecond: latenciesMs.length / elapsedSeconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    firstByteMs: percentile(firstBytesMs, 0.5),
    cpuMsPerRequest: ((cpuSeconds(pid) - cpuBefore) * 1_000) / latenciesMs.length,
  }
}

function summarize(scenario: string, concurrency: number, directPerSecond: number, rounds: Comparison['rounds']): Comparison {
  const pairs = (field: keyof Side) => rounds.map(({ floor, relay }) => ({ above: relay[field], below: floor[field] }))
  return {
    scenario,
    concurrency,
    floor: medianSide(rounds.map(({ floor }) => floor)),
    relay: medianSide(rounds.map(({ relay }) => relay)),
    directPerSecond,
    throughputRatio: medianRatio(pairs('requestsPerSecond')),
    addedP50Ms: medianDifference(pairs('p50Ms')),
    addedP99Ms: medianDifference(pairs('p99Ms')),
    addedFirstByteMs: medianDifference(pairs('firstByteMs')),
    cpuRatio: medianRatio(pairs('cpuMsPerRequest')),
    rounds,
  }
}

function medianSide(sides: Side[]): Side {
  const of = (field: keyof Side) => median(sides.map((side) => side[field]))
  return {
    requests: of('requests'),
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    firstByteMs: of('firstByteMs'),
    cpuMsPerRequest: of('cpuMsPerRequest'),
  }
}

function describe(floor: Side, relay: Side): string {
  const one = ({ requestsPerSecond, cpuMsPerRequest }: Side) => `${requestsPerSecond.toFixed(0)}/s at ${cpuMsPerRequest.toFixed(3)} ms CPU`
  return `floor ${one(floor)}, relay ${one(relay)}`
}
