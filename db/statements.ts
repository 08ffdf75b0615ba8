import { type SQL, sql } from 'drizzle-orm'
import { NeonHttpDatabase } from 'drizzle-orm/neon-http'
import { z } from 'zod'
import { assert } from '#shared/values/assert.ts'
import type { Db } from './client.ts'

/** Runs one statement and parses its rows; the drivers agree on text for bigint, so numbers are coerced by the schema. */
export async function readRows<Row extends z.ZodType>(db: Db, statement: SQL, row: Row): Promise<z.infer<Row>[]> {
  return parseRows(await db.execute(statement), row)
}

/**
 * Runs statements in one transaction and one round trip, each with its own view of the data (READ COMMITTED): what a lock taken by the
 * first one waited for is visible to the next. Answers with the rows of the last.
 */
export async function readRowsAtomically<Row extends z.ZodType>(db: Db, statements: [SQL, ...SQL[]], row: Row): Promise<z.infer<Row>[]> {
  if (db instanceof NeonHttpDatabase) {
    const [first, ...rest] = statements
    const results = await db.batch([db.execute(first), ...rest.map((statement) => db.execute(statement))])
    return parseRows(results.at(-1), row)
  }
  return db.transaction(
    async (transaction) => {
      let result: unknown
      for (const statement of statements) result = await transaction.execute(statement)
      return parseRows(result, row)
    },
    { isolationLevel: 'read committed' },
  )
}

export interface PostgresError {
  /** Five characters; the first two are the class. */
  sqlState: string
  /** The violated constraint, when the error names one. */
  constraint: string | null
}

/** Postgres' own account of a failed statement, whichever layers wrapped it; null for a failure of the way to it. */
export function postgresErrorOf(error: unknown): PostgresError | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code)) {
      const constraint = 'constraint' in cause && typeof cause.constraint === 'string' ? cause.constraint : null
      return { sqlState: cause.code, constraint }
    }
  }
  return null
}

/** Classes 08, 53 and 57 of SQLSTATE: no connection, no resources, shutting down. Anything else of Postgres is a fault of ours. */
export function isDatabaseDown(error: unknown): boolean {
  const state = postgresErrorOf(error)?.sqlState
  if (state !== undefined) return /^(08|53|57)/.test(state)
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause.name === 'NeonDbError' || cause.name === 'DatabaseUnreachable') return true
  return false
}

/** Postgres sends bigint as text; a value that no longer fits a safe integer is refused, not rounded. */
export const SafeBigint = z
  .union([z.string(), z.number()])
  .transform(Number)
  .refine((value) => Number.isSafeInteger(value), 'integer out of range')

/** Milliseconds since the epoch as a timestamp; null stays null. */
export function timestampOf(epochMilliseconds: number | null): SQL {
  return sql`to_timestamp(${epochMilliseconds}::double precision / 1000)`
}

function parseRows<Row extends z.ZodType>(result: unknown, row: Row): z.infer<Row>[] {
  assert(typeof result === 'object' && result !== null && 'rows' in result, 'driver answered without rows')
  return z.array(row).parse(result.rows)
}
