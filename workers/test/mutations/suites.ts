import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { checkoutDirectory, inheritedEnvironment, nodeBinary } from '#workers/dev/processes/environment.ts'

/** Far more than a suite takes, also when all cores are busy; whatever hangs for longer proves nothing. */
const suiteTimeoutMs = 120_000

/** `caught`: a test failed. `broken`: no test did, yet the suites did not pass, as when the fault does not compile; that proves nothing. */
export interface Verdict {
  verdict: 'caught' | 'survived' | 'broken'
  /** The test that failed, or what else went wrong. */
  by: string
}

/** What of vitest's report tells a failed test from a suite that could not run. */
const Report = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
})

const vitest = join(checkoutDirectory, 'node_modules', 'vitest', 'vitest.mjs')
const running = new Set<ChildProcess>()

/** Runs test files of a copy of the project up to the first failure. */
export async function runSuites(directory: string, suites: string[]): Promise<Verdict> {
  const reportFile = join(directory, 'report.json')
  rmSync(reportFile, { force: true })
  const projects = [...new Set(suites.map(projectOf))].flatMap((project) => ['--project', project])
  const options = ['--config', 'workers/test/vitest.config.ts', '--bail', '1', '--reporter', 'json', '--outputFile', reportFile]
  const timeoutMs = suiteTimeoutMs * suites.length
  const hung = await run([vitest, 'run', ...options, ...projects, ...suites], directory, timeoutMs)
  if (hung) return { verdict: 'broken', by: `did not end within ${timeoutMs / 1_000} s` }
  try {
    return verdictOf(JSON.parse(readFileSync(reportFile, 'utf8')))
  } catch (error) {
    return { verdict: 'broken', by: `left no report: ${error instanceof Error ? error.message : error}` }
  }
}

/** Judges a report of vitest. A suite that does not load, or whose preparation fails, has no failed test. */
export function verdictOf(value: unknown): Verdict {
  const report = Report.parse(value)
  const failed = report.testResults.flatMap(({ assertionResults }) => assertionResults).find(({ status }) => status === 'failed')
  if (failed) return { verdict: 'caught', by: failed.fullName }
  if (report.success && report.numPassedTests > 0) return { verdict: 'survived', by: '' }
  const message = report.testResults.find((result) => result.message)?.message ?? 'no test ran'
  return { verdict: 'broken', by: message.split('\n').slice(0, 2).join(' ') }
}

/** Ends what still runs, and all it has started. */
export function endSuites(): void {
  for (const child of running) endGroup(child)
}

function projectOf(suite: string): string {
  return suite.startsWith('workers/ledger/') ? 'ledger' : 'unit'
}

/** Answers whether the command had to be ended. It leads a group of its own, because a suite starts a Postgres. */
function run(command: string[], directory: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // The short forms, whatever form this run was started in.
    const env = inheritedEnvironment({ RELAY_LONG: '', RELAY_SEED: '' })
    const child = spawn(nodeBinary, command, { cwd: directory, env, stdio: 'ignore', detached: true })
    let hung = false
    const timer = setTimeout(() => {
      hung = true
      endGroup(child)
    }, timeoutMs)
    running.add(child)
    child.once('error', reject)
    child.once('exit', () => {
      clearTimeout(timer)
      running.delete(child)
      resolve(hung)
    })
  })
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
