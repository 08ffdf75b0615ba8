import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Says whether a run of the suites has passed, by its report: vitest itself ends with 0 when, among many projects, the end of one of them ends the
 * process. `begin` forgets the report of an earlier run, so that a run without a report has not passed.
 */
const reportFile = fileURLToPath(new URL('../../.local/test/report.json', import.meta.url))

/** What vitest's reporter `json` writes. */
interface Report {
  success: boolean
  numTotalTests: number
  numFailedTests: number
  numFailedTestSuites: number
}

if (process.argv[2] === 'begin') rmSync(reportFile, { force: true })
else process.exitCode = judge()

function judge(): number {
  if (!existsSync(reportFile)) return fail('The run ended without a report.')
  const report: Report = JSON.parse(readFileSync(reportFile, 'utf8'))
  const { success, numFailedTests, numFailedTestSuites, numTotalTests } = report
  if (success && numTotalTests > 0) return 0
  return fail(`Of ${numTotalTests} tests ${numFailedTests} failed, and ${numFailedTestSuites} suites.`)
}

function fail(message: string): number {
  console.error(message)
  return 1
}
