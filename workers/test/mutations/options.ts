import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export interface Options {
  /** Only faults of whose room, file or promise this is a part. */
  only: string
  /** Copies of the project that are tested at once. */
  jobs: number
  /** Print the table of faults and plant none. */
  list: boolean
}

export const usage = `npm run mutate -- [--only <pattern>] [--jobs <n>] [--list]

Plants faults into the money code, one at a time and in a copy, and shows which of them the suites catch.
  --only <pattern>    only faults whose room, file or promise contains this
  --jobs <n>          copies tested at once; half of the processors when not given
  --list              name the faults and plant none
`

/** Reads the command line; null when only the usage is wanted. */
export function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      jobs: { type: 'string', default: String(Math.max(1, availableParallelism() >> 1)) },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const jobs = Number(values.jobs)
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs must be a whole number of at least 1, not "${values.jobs}"`)
  return { only: values.only, jobs, list: values.list }
}
