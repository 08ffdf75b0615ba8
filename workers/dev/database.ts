import { migrate } from '#db/migrate.ts'
import { type SeedModel, scriptedPeers, seed } from '#db/seed.ts'
import { mediaModels } from './media-models.ts'
import { behaviours } from './upstream/behaviours.ts'

/** Brings the schema up to date, sells every behaviour of the scripted upstream, and makes sure of the demo customer. May be called on every start. */
export async function prepareDatabase(
  databaseUrl: string,
  options: { upstreamUrl: string; demoApiKey?: string },
  report: (line: string) => void,
): Promise<{ organizationId: string; apiKey: string }> {
  const startedAt = performance.now()
  await migrate(databaseUrl)
  const demo = await seed(databaseUrl, { ...options, models: [...Object.keys(behaviours).flatMap(behaviourModels), ...mediaModels] })
  report(`database migrated and seeded (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
  return demo
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
