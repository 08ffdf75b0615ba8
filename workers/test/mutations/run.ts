import { type PlantedFault, plantedFaults } from './faults/all.ts'
import { type Options, readOptions, usage } from './options.ts'
import { isEnough, type Judged, renderReport } from './report.ts'
import { removeScratches, Scratch } from './scratch.ts'
import { endSuites, runSuites } from './suites.ts'

async function main(): Promise<number> {
  const options = readOptions()
  if (!options) return print(usage)
  const chosen = plantedFaults.filter(({ room, fault }) => `${room} ${fault.file} ${fault.promise}`.includes(options.only))
  if (chosen.length === 0) throw new Error(`No fault has "${options.only}" in its room, file or promise`)
  if (options.list) return print(`${chosen.map(described).join('\n')}\n${chosen.length} faults\n`)
  // The suites lead groups of their own, so Ctrl-C does not reach them by itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      endSuites()
      removeScratches()
      process.exit(130)
    })
  }
  try {
    return await judgeAll(chosen, options)
  } finally {
    removeScratches()
  }
}

function described({ room, fault }: PlantedFault): string {
  return `${room.padEnd(9)}${fault.money ? 'money  ' : '       '}${fault.promise}  (${fault.file})`
}

async function judgeAll(chosen: PlantedFault[], { jobs }: Options): Promise<number> {
  const startedAtMs = performance.now()
  const seconds = () => (performance.now() - startedAtMs) / 1_000
  const report = (line: string) => console.error(`${seconds().toFixed(1).padStart(7)} s  ${line}`)
  const scratches = Array.from({ length: Math.min(jobs, chosen.length) }, (_, index) => new Scratch(String(index)))
  const suites = [...new Set(chosen.flatMap(({ fault }) => fault.suites))]
  report(`the sound code against ${suites.length} suites`)
  const sound = await runSuites(scratches[0]?.directory ?? '', suites)
  if (sound.verdict !== 'survived') throw new Error(`The suites fail without any fault: ${sound.by}`)
  const waiting = chosen.entries()
  const judged: Judged[] = []
  const work = async (scratch: Scratch) => {
    for (const [index, { room, fault }] of waiting) {
      const beganAt = seconds()
      const verdict = await scratch.withFault(fault, () => runSuites(scratch.directory, fault.suites))
      judged[index] = { room, fault, seconds: seconds() - beganAt, ...verdict }
      const done = Object.keys(judged).length
      report(`${done}/${chosen.length} ${verdict.verdict.padEnd(8)} ${room}: ${fault.promise}${verdict.by && ` <- ${verdict.by}`}`)
    }
  }
  await Promise.all(scratches.map(work))
  print(renderReport(judged, seconds() / 60))
  return isEnough(judged) ? 0 : 1
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`\n${error instanceof Error ? error.message : error}`)
    process.exit(1)
  },
)
