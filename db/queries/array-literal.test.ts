import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '../testing/database.ts'
import { arrayLiteral } from './array-literal.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

async function throughPostgres(values: (string | null)[]): Promise<unknown> {
  const { rows } = await database.pool.query('select to_jsonb($1::text[]) as back', [arrayLiteral(values)])
  return rows[0]?.back
}

test('every text and null comes back from Postgres as it was', async () => {
  expect(await throughPostgres(['', 'NULL', 'null', null, '{}', ',', '"', '\\', '\\"', ' a ', '\n\t', "'", '😀', 'a b'])).toEqual([
    '',
    'NULL',
    'null',
    null,
    '{}',
    ',',
    '"',
    '\\',
    '\\"',
    ' a ',
    '\n\t',
    "'",
    '😀',
    'a b',
  ])
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text)), async (values) => {
      expect(await throughPostgres(values)).toEqual(values)
    }),
    { numRuns: 300 },
  )
})
