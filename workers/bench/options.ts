import { parseArgs } from 'node:util'

export interface Options {
  /** Length of one side of one round. */
  seconds: number
  rounds: number
  /** Streams that are open at once when memory is measured. */
  openStreams: number
  /** Only scenarios whose name begins with one of these; all when empty. */
  only: string[]
  /** Sizes of the histories that reports are asked over, in requests. */
  records: number[]
  /** Print the result as JSON and nothing else. */
  json: boolean
}

export const usage = `npm run bench -- [--only <scenario>,...] [--json]

Measures the relay against the platform's floor; see workers/bench/README.md.
  --only <names>      only the scenarios whose names begin so
  --json              print the result as JSON; progress goes to the error output
  BENCH_SECONDS=3     length of one side of one round
  BENCH_ROUNDS=3      rounds of each scenario
  BENCH_STREAMS=200   streams open at once when memory is measured
  --only reports      reports and the request log over a year's history, and nothing else
  BENCH_RECORDS=1000000,10000000   sizes of that history
`

/** Reads the command line and the environment; null when only the usage is wanted. */
export function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  return {
    seconds: readNumber('BENCH_SECONDS', 3, 0.2),
    rounds: Math.round(readNumber('BENCH_ROUNDS', 3, 1)),
    openStreams: Math.round(readNumber('BENCH_STREAMS', 200, 1)),
    only: values.only.split(',').filter((name) => name !== ''),
    records: recordsOf(process.env.BENCH_RECORDS || '1000000,10000000'),
    json: values.json,
  }
}

function recordsOf(text: string): number[] {
  const sizes = text.split(',').map(Number)
  if (sizes.some((size) => !Number.isInteger(size) || size < 10_000))
    throw new Error(`BENCH_RECORDS must be whole numbers of at least 10000, not "${text}"`)
  return sizes
}

function readNumber(name: string, fallback: number, minimum: number): number {
  const text = process.env[name]
  const value = text === undefined || text === '' ? fallback : Number(text)
  if (!Number.isFinite(value) || value < minimum) throw new Error(`${name} must be a number of at least ${minimum}, not "${text}"`)
  return value
}
