import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRows } from '../../statements.ts'
import { startTestDatabase, type TestDatabase } from '../../testing/database.ts'
import { Explained, planShape, type ReportQuestion, reportQuestions } from '../../testing/report-questions.ts'
import { makeHistory } from '../../testing/usage-history.ts'

let database: TestDatabase
let questions: ReportQuestion[]
beforeAll(async () => {
  database = await startTestDatabase()
  questions = reportQuestions(await makeHistory(database.databaseUrl, database.pool, 40_000), 200)
}, 180_000)
afterAll(() => database.stop())

async function shapeOf(statement: ReportQuestion['statement']) {
  const [explained] = await readRows(database.db, sql`explain (analyze, buffers, format json) ${statement}`, Explained)
  return explained && planShape(explained)
}

test('no question reads a month of the log or of records from end to end, or more rows than it has to', async () => {
  for (const { name, statement, mostRows } of questions) {
    const shape = await shapeOf(statement)
    expect(shape?.rows, name).toBeLessThanOrEqual(mostRows)
    expect(
      shape?.scans.filter((scan) => /^Seq.*(request_logs|usage_records)/.test(scan)),
      name,
    ).toEqual([])
  }
})

test('reports read sums alone', async () => {
  for (const { name, statement } of questions.filter(({ name }) => !/^(log:|one request)/.test(name)))
    expect((await shapeOf(statement))?.partitions, name).toBe(0)
})

test('the newest page of the log opens one month, and a page from the middle that month', async () => {
  for (const name of ['log: first page', 'log: a page from the middle', 'log: a day', 'log: a key', 'log: a model']) {
    const question = questions.find((each) => each.name === name)
    expect(question && (await shapeOf(question.statement))?.partitions, name).toBe(1)
  }
})
