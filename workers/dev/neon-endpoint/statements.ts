import type pg from 'pg'
import type { BatchOptions, RowShape, Statement } from './request.ts'

type Field = Pick<pg.FieldDef, 'name' | 'tableID' | 'columnID' | 'dataTypeID' | 'dataTypeSize' | 'dataTypeModifier' | 'format'>
export type StatementResult = { command: string; rowCount: number | null; fields: Field[]; rows: unknown[]; rowAsArray: boolean }

/** `queryMode` is known to pg but not to its types: it refuses two commands in one statement, as Neon does. */
type ExtendedQuery = pg.QueryArrayConfig & { queryMode: 'extended' }
type Queryable = Pick<pg.Pool, 'query'> | Pick<pg.PoolClient, 'query'>

const textParsers = { getTypeParser: () => (value: string | Buffer) => value }

export async function runStatement(target: Queryable, statement: Statement, shape: RowShape): Promise<StatementResult> {
  const query: ExtendedQuery = { text: statement.query, values: statement.params, rowMode: 'array', queryMode: 'extended' }
  if (shape.rawText) query.types = textParsers
  const result = await (target as pg.Pool).query<unknown[]>(query)
  const fields = result.fields.map(describeField)
  const rows = shape.arrays
    ? result.rows
    : result.rows.map((row) => Object.fromEntries(fields.map((field, index) => [field.name, row[index]])))
  return { command: result.command, rowCount: result.rowCount, fields, rows, rowAsArray: shape.arrays }
}

/** All statements in one transaction, or none. */
export async function runBatch(pool: pg.Pool, batch: Statement[], options: BatchOptions, shape: RowShape): Promise<StatementResult[]> {
  const client = await pool.connect()
  try {
    const access = options.readOnly ? 'read only' : 'read write'
    const deferral = options.deferrable ? 'deferrable' : 'not deferrable'
    await client.query(`begin isolation level ${options.isolationLevel} ${access} ${deferral}`)
    const results: StatementResult[] = []
    for (const statement of batch) results.push(await runStatement(client, statement, shape))
    await client.query('commit')
    client.release()
    return results
  } catch (error) {
    // A rollback that fails too means the connection is lost; then it must not return to the pool.
    const lost = await client.query('rollback').then(
      () => false,
      () => true,
    )
    client.release(lost)
    throw error
  }
}

function describeField(field: pg.FieldDef): Field {
  const { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format } = field
  return { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format }
}
