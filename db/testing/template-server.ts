import { migratedServer, serverVariable } from './database.ts'

/** One Postgres for all test files of the suite, each of which copies its migrated database. Vitest calls it once, and what it returns at the end. */
export default async function setup(): Promise<() => Promise<void>> {
  const { databaseUrl, end } = await migratedServer()
  process.env[serverVariable] = databaseUrl
  return async () => {
    delete process.env[serverVariable]
    await end()
  }
}
