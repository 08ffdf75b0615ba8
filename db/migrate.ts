import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import { Client } from 'pg'
import { ensurePartitions, monthsFrom } from './queries/ensure-partitions.ts'

const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url).href)
const lockId = 7_205_759_403

/** Brings a database to the newest schema, with partitions for this and the next month. May run twice, also at the same time. */
export async function migrate(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const db = drizzle({ client })
    // Held by the session, so that a second migration waits for the first and then finds nothing to do.
    await db.execute(sql`select pg_advisory_lock(${lockId})`)
    await runMigrations(db, { migrationsFolder })
    await ensurePartitions(db, monthsFrom(Date.now(), 2))
  } finally {
    await client.end()
  }
}

if (import.meta.main) {
  const databaseUrl = process.env.DATABASE_URL
  if (databaseUrl) await migrate(databaseUrl)
  else console.error('Set DATABASE_URL to the connection string of the database to migrate.')
  process.exitCode = databaseUrl ? 0 : 2
}
