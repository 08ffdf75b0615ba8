import type { TestProject } from 'vitest/node'
import { seed } from '#db/seed.ts'
import { startTestDatabase } from '#db/testing/database.ts'
import { startThrowawayNeon } from '#workers/dev/testing/throwaway.ts'
import type {} from './operations/provided.ts'

/** A real, seeded Postgres behind Neon's protocol, for tests that run in workerd. Vitest calls it once, and what it returns at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const database = await startTestDatabase()
  await seed(database.databaseUrl, { upstreamUrl: 'https://upstream.test' })
  const neon = await startThrowawayNeon(Number(new URL(database.databaseUrl).port))
  project.provide('database', { databaseUrl: database.databaseUrl, neonEndpoint: neon.url })
  return async () => {
    await neon.end()
    await database.stop()
  }
}
