import type { MemoryResult } from './memory.ts'
import type { RecordingResult } from './recording.ts'
import type { Comparison } from './scenarios.ts'

export interface BenchResult {
  at: string
  machine: string
  node: string
  workerd: string
  seconds: number
  rounds: number
  comparisons: Comparison[]
  memory: MemoryResult[]
  recording: RecordingResult[]
  /** Agreed exactly with Postgres and the ledger; a benchmark whose books differ has no result. */
  books: { requests: number; costNanos: number }
}

interface Target {
  text: string
  isMet: boolean
}

const targetMegabytes = 128
const targetRecords = 20_000
/** Below this an upstream is part of what limits the floor. */
const fastEnough = 2

/** The result as tables for a terminal, each figure that has a target with that target beside it. */
export function renderReport(result: BenchResult): string {
  const { at, machine, node, workerd, seconds, rounds, books } = result
  const parts = [
    `${at}  ${machine}, Node ${node}, workerd ${workerd}, ${rounds} rounds of ${seconds} s a side`,
    ...(result.comparisons.length > 0 ? [table(comparisonHead, result.comparisons.map(comparisonRow))] : []),
    ...warnings(result.comparisons),
    ...(result.memory.length > 0 ? [table(memoryHead, result.memory.map(memoryRow))] : []),
    ...(result.recording.length > 0 ? [table(['recordUsage', 'calls', 'records/s', 'target'], result.recording.map(recordingRow))] : []),
    `books agree: ${books.requests} requests, ${books.costNanos} nano-dollars`,
  ]
  return `\n${parts.join('\n\n')}\n`
}

const comparisonHead = [
  'scenario',
  'direct/s',
  'floor/s',
  'relay/s',
  'ratio',
  'p50 ms',
  'p50 +ms',
  'p99 +ms',
  'first +ms',
  'CPU floor',
  'CPU relay',
  'CPU x',
  'target',
]

function comparisonRow(row: Comparison): string[] {
  const targets = targetsOf(row).map(({ text, isMet }) => `${text} ${isMet ? 'met' : 'MISSED'}`)
  return [
    `${row.scenario} c${row.concurrency}`,
    row.directPerSecond.toFixed(0),
    row.floor.requestsPerSecond.toFixed(0),
    row.relay.requestsPerSecond.toFixed(0),
    row.throughputRatio.toFixed(2),
    row.relay.p50Ms.toFixed(2),
    row.addedP50Ms.toFixed(2),
    row.addedP99Ms.toFixed(2),
    row.addedFirstByteMs.toFixed(2),
    row.floor.cpuMsPerRequest.toFixed(3),
    row.relay.cpuMsPerRequest.toFixed(3),
    row.cpuRatio.toFixed(2),
    targets.join(', '),
  ]
}

/** The targets of the design, as ratios to the floor of the same run. */
function targetsOf({ scenario, concurrency, throughputRatio, addedP50Ms, addedFirstByteMs, cpuRatio }: Comparison): Target[] {
  if (scenario === 'whole' && concurrency === 1) return [{ text: 'p50 <= +0.25', isMet: addedP50Ms <= 0.25 }]
  if (scenario === 'whole' && concurrency === 16) {
    return [
      { text: 'ratio >= 0.50', isMet: throughputRatio >= 0.5 },
      { text: 'CPU <= 2.1', isMet: cpuRatio <= 2.1 },
    ]
  }
  if (scenario.includes('burst') && concurrency === 16) return [{ text: 'ratio >= 0.75', isMet: throughputRatio >= 0.75 }]
  if (scenario.includes('paced')) {
    return [
      { text: 'CPU <= 1.3', isMet: cpuRatio <= 1.3 },
      { text: 'first <= +2', isMet: addedFirstByteMs <= 2 },
    ]
  }
  return []
}

/** Paced streams are bounded by their own clock, so only the others tell whether the upstream keeps up. */
function warnings(rows: Comparison[]): string[] {
  const slow = rows.filter((row) => !row.scenario.includes('paced') && row.directPerSecond < fastEnough * row.floor.requestsPerSecond)
  const names = slow.map((row) => `${row.scenario} c${row.concurrency}`).join(', ')
  return slow.length > 0 ? [`The upstream is less than ${fastEnough} times as fast as the floor and limits it: ${names}`] : []
}

const memoryHead = ['memory', 'floor +MB', 'relay +MB', 'added MB', 'target']

function memoryRow({ openStreams, showsUsage, floorMegabytes, relayMegabytes, addedMegabytes }: MemoryResult): string[] {
  const target = openStreams >= 1_000 ? `< ${targetMegabytes} ${addedMegabytes < targetMegabytes ? 'met' : 'MISSED'}` : 'with 1000 streams'
  const name = `${openStreams} open streams${showsUsage ? ', usage shown' : ''}`
  return [name, floorMegabytes.toFixed(1), relayMegabytes.toFixed(1), addedMegabytes.toFixed(1), target]
}

function recordingRow({ batchEvents, calls, recordsPerSecond }: RecordingResult): string[] {
  const target = `>= ${targetRecords} ${recordsPerSecond >= targetRecords ? 'met' : 'MISSED'}`
  return [`${batchEvents} a call`, String(calls), recordsPerSecond.toFixed(0), target]
}

/** The first and last column are text, those between are numbers. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: string[]) =>
    cells
      .map((cell, column) =>
        column === 0 || column === cells.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}
