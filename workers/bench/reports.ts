import { sql } from 'drizzle-orm'
import { readRows } from '#db/statements.ts'
import { startTestDatabase } from '#db/testing/database.ts'
import { Explained, type PlanShape, planShape, type ReportQuestion, reportQuestions } from '#db/testing/report-questions.ts'
import { makeHistory } from '#db/testing/usage-history.ts'
import { assert } from '#shared/values/assert.ts'
import { maxLinesRead } from '#workers/api/limits.ts'
import { median } from './measure/statistics.ts'

/** What a question cost in histories of growing size. */
export interface ReportResult {
  name: string
  sizes: (PlanShape & { records: number })[]
}

const rounds = 5

/** Asks every question of reports and the request log over a year's history of each size, each in a Postgres of its own. */
export async function measureReports(sizes: number[], report: (line: string) => void): Promise<ReportResult[]> {
  const results = new Map<string, ReportResult['sizes']>()
  for (const records of sizes) {
    report(`making a year of ${records} requests`)
    const database = await startTestDatabase()
    try {
      const history = await makeHistory(database.databaseUrl, database.pool, records)
      report('asking')
      for (const question of reportQuestions(history, maxLinesRead)) {
        const shapes = results.get(question.name) ?? []
        results.set(question.name, [...shapes, { records, ...(await measure(database.db, question)) }])
      }
    } finally {
      await database.stop()
    }
  }
  return [...results].map(([name, shapes]) => ({ name, sizes: shapes }))
}

/** The plan is that of the last round, the time the median of all. */
async function measure(db: Parameters<typeof readRows>[0], { statement }: ReportQuestion): Promise<PlanShape> {
  const shapes: PlanShape[] = []
  for (let round = 0; round < rounds; round++) {
    const [explained] = await readRows(db, sql`explain (analyze, buffers, format json) ${statement}`, Explained)
    assert(explained, 'Postgres explains what it was asked')
    shapes.push(planShape(explained))
  }
  const last = shapes.at(-1)
  assert(last, 'there was a round')
  return { ...last, milliseconds: median(shapes.map(({ milliseconds }) => milliseconds)) }
}

/** For a terminal: times, pages and rows of each size, how the largest compares with the smallest, and how its rows were reached. */
export function reportRows(results: ReportResult[]): string[][] {
  return results.map(({ name, sizes }) => {
    const [first, last] = [sizes[0], sizes.at(-1)]
    assert(first && last, 'a result has a size')
    const each = (write: (shape: PlanShape) => string) => sizes.map(write).join(' / ')
    return [
      name,
      each(({ milliseconds }) => milliseconds.toFixed(1)),
      (last.milliseconds / first.milliseconds).toFixed(1),
      each(({ pages }) => String(pages)),
      each(({ rows }) => rows.toFixed(0)),
      String(last.partitions),
      last.scans.join(', '),
    ]
  })
}

export const reportHead = ['question', 'ms', 'ratio', 'pages', 'rows read', 'months', 'scans']
