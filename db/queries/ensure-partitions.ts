import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '../client.ts'
import { readRowsAtomically } from '../statements.ts'

const partitionedTables = ['usage_records', 'request_logs']
const lockId = 7_205_759_404

/** Creates what is missing of the monthly partitions of the months (UTC) that these moments fall into. */
export async function ensurePartitions(db: Db, monthsMs: number[]): Promise<void> {
  const starts = [...new Set(monthsMs.map((monthMs) => monthStartMs(monthMs, 0)))]
  const creations = starts.flatMap((startMs) => partitionedTables.map((table) => creation(table, startMs)))
  // IF NOT EXISTS alone still fails when two sessions create the same table at once.
  await readRowsAtomically(db, [sql`select pg_advisory_xact_lock(${lockId})`, ...creations], z.unknown())
}

/** A moment in each of `count` months (UTC), beginning with that of `fromMs`. */
export function monthsFrom(fromMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => monthStartMs(fromMs, index))
}

/** Raw SQL, because DDL takes no parameters: everything in it is a constant or made of digits. */
function creation(table: string, startMs: number): SQL {
  const from = new Date(startMs).toISOString()
  const to = new Date(monthStartMs(startMs, 1)).toISOString()
  const month = from.slice(0, 7).replace('-', '_')
  return sql.raw(`create table if not exists ${table}_${month} partition of ${table} for values from ('${from}') to ('${to}')`)
}

function monthStartMs(monthMs: number, monthsLater: number): number {
  const date = new Date(monthMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsLater, 1)
}
