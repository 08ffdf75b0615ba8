import { migrate } from '#db/migrate.ts'
import { type SeedModel, scriptedPeers, seed } from '#db/seed.ts'
import { seedDemoUser } from './demo-user.ts'
import type { Demo, KeptDemo } from './description.ts'
import { mediaModels } from './media-models.ts'
import { behaviours } from './upstream/behaviours.ts'

/**
 * Brings the schema up to date, sells every behaviour of the scripted upstream, and makes sure of the demo customer and its owner. May be called on every
 * start.
 */
export async function prepareDatabase(
  databaseUrl: string,
  { upstreamUrl, kept }: { upstreamUrl: string; kept: KeptDemo },
  report: (line: string) => void,
): Promise<Demo> {
  const startedAt = performance.now()
  await migrate(databaseUrl)
  const models = [...Object.keys(behaviours).flatMap(behaviourModels), ...mediaModels]
  const customer = await seed(databaseUrl, { upstreamUrl, demoApiKey: kept.apiKey, models })
  const person = await seedDemoUser(databaseUrl, customer.organizationId, kept.password)
  report(`database migrated and seeded (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
  return { ...customer, ...person }
}

/** The models through which a customer meets a behaviour, one for each provider that is played. */
export function behaviourModels(behaviour: string): SeedModel[] {
  return scriptedPeers.map(({ id, prefix }) => ({
    id: `${prefix}-scripted-${behaviour}`,
    upstreamModel: `scripted-${behaviour}`,
    kind: 'chat',
    peers: [id],
  }))
}
