import { drizzle } from 'drizzle-orm/node-postgres'
import { Pool } from 'pg'
import type { Db, Transact } from './client.ts'

/** A database for Node: migrations, seeds, tests. Whoever opens it closes it. */
export function openNodeDb(databaseUrl: string, connections = 10): { db: Db; pool: Pool; close: () => Promise<void> } {
  const pool = new Pool({ connectionString: databaseUrl, max: connections })
  // An idle connection that the server ends is no fault of a query: the next one opens another.
  pool.on('error', () => undefined)
  // One lost within a transaction fails its query; the event beside that would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return { db: drizzle({ client: pool }), pool, close: () => pool.end() }
}

/** Transactions of a database that `openNodeDb` opened. */
export function nodeTransact(db: Db): Transact {
  return (work) => db.transaction(work, { isolationLevel: 'read committed' })
}
