/** What `db/migrate.ts` and `db/seed.ts` export; imported when they are needed, because they carry the whole schema. */
type Migrate = (databaseUrl: string) => Promise<void>
export type SeedOptions = { upstreamUrl: string; demoApiKey?: string }
type Seed = (databaseUrl: string, options: SeedOptions) => Promise<{ organizationId: string; apiKey: string }>

/** Brings the schema up to date and makes sure the demo organization and catalogue exist. May be called on every start. */
export async function prepareDatabase(
  databaseUrl: string,
  options: SeedOptions,
  report: (line: string) => void,
): Promise<{ organizationId: string; apiKey: string }> {
  const startedAt = performance.now()
  const { migrate }: { migrate: Migrate } = await import('#db/migrate.ts')
  await migrate(databaseUrl)
  const { seed }: { seed: Seed } = await import('#db/seed.ts')
  const demo = await seed(databaseUrl, options)
  report(`database migrated and seeded (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
  return demo
}
