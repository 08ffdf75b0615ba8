import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { checkoutDirectory } from '#workers/dev/processes/environment.ts'
import { LoadClient } from './load/client.ts'
import { type MemoryResult, measureMemory } from './memory.ts'
import { type Options, readOptions, usage } from './options.ts'
import { measureRecording, type RecordingResult } from './recording.ts'
import { type BenchResult, renderReport, table } from './report.ts'
import { measureReports, reportHead, reportRows } from './reports.ts'
import { type Comparison, compare, scenarios } from './scenarios.ts'
import { openStage, type Stage } from './stage.ts'

const resultFile = join(checkoutDirectory, '.local', 'bench', 'result.json')

/** Events of one call of recordUsage; several sizes, because a good one grows linearly. */
const batchSizes = [100, 500, 2_000]

async function main(): Promise<void> {
  const options = readOptions()
  if (!options) return void process.stdout.write(usage)
  const startedAt = performance.now()
  const report = (line: string) => console.error(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
  if (options.only.join() === 'reports') return await benchReports(options, report)
  const load = new LoadClient()
  const opening = openStage(report)
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopAll(load, opening)
    return stopping
  }
  // The processes lead groups of their own, so Ctrl-C does not reach them by itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop().finally(() => process.exit(130)))
  try {
    const result = await measureAll(await opening, load, options, report)
    mkdirSync(join(resultFile, '..'), { recursive: true })
    writeFileSync(resultFile, `${JSON.stringify(result, null, 2)}\n`)
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderReport(result))
  } finally {
    await stop()
  }
}

/** Needs Postgres alone, and no relay. */
async function benchReports({ records, json }: Options, report: (line: string) => void): Promise<void> {
  const results = await measureReports(records, report)
  process.stdout.write(json ? `${JSON.stringify(results)}\n` : `\n${table(reportHead, reportRows(results))}\n`)
}

/** What is still starting belongs to the stage, which must have come up, or failed, before it can be ended. */
async function stopAll(load: LoadClient, opening: Promise<Stage>): Promise<void> {
  load.end()
  const stage = await opening.catch(() => undefined)
  await stage?.stop()
}

async function measureAll(stage: Stage, load: LoadClient, options: Options, report: (line: string) => void): Promise<BenchResult> {
  const isWanted = (name: string) => options.only.length === 0 || options.only.some((only) => name.startsWith(only))
  const comparisons: Comparison[] = []
  for (const scenario of scenarios.filter(({ name }) => isWanted(name))) {
    comparisons.push(...(await compare(stage, load, scenario, options, report)))
  }
  const memory: MemoryResult[] = []
  if (isWanted('memory')) {
    for (const showsUsage of [false, true]) {
      report(`memory with ${options.openStreams} open streams${showsUsage ? ', usage shown' : ''}`)
      memory.push(await measureMemory(stage, load, options.openStreams, showsUsage))
    }
  }
  const recording: RecordingResult[] = []
  if (isWanted('usage')) {
    for (const size of batchSizes) {
      report(`recording usage, ${size} events a call`)
      recording.push(await measureRecording(stage.databaseUrl, size, options.seconds))
    }
  }
  report('comparing the books with the requests sent')
  const books = await stage.books.check()
  const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? process.arch}, ${process.platform}`
  const { seconds, rounds } = options
  return {
    at: new Date().toISOString(),
    machine,
    node: process.version,
    workerd: stage.workerdVersion,
    seconds,
    rounds,
    comparisons,
    memory,
    recording,
    books,
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`\n${error instanceof Error ? error.message : error}`)
    process.exit(1)
  },
)
