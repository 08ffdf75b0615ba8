import { openNodeDb } from '#db/node-client.ts'
import { priceVersions } from '#db/schema/index.ts'
import { type SeedModel, seed } from '#db/seed.ts'

/** Models whose holds are small: a machine that dies may forget one that is younger than a flush. */
const small = { fast: 'fast', paced: 'paced-5', long: 'paced-21', silent: 'no-usage', slow: 'slow-first-200', breaking: 'break-5' }

/** Models whose holds are written before they are admitted, so that nothing may ever be forgotten. Their upstream models are theirs alone. */
const large = { burst: 'burst', steady: 'paced-6', lasting: 'paced-20' }

export const modelIds = {
  small: Object.keys(small).map((name) => `small-${name}`),
  large: Object.keys(large).map((name) => `large-${name}`),
}

/** Whether the ground truth speaks of a request whose hold was durable before the upstream was asked. */
export function isLarge(upstreamModel: string | null): boolean {
  return Object.values(large).some((behaviour) => `scripted-${behaviour}` === upstreamModel)
}

/** Dollars per million tokens: 5 in, 30 out. The longest answer of 4,096 tokens costs more than the ten cents from which a hold is large. */
const largePrice = {
  inputPicos: 5_000_000,
  cacheReadPicos: 500_000,
  cacheWrite5mPicos: 6_250_000,
  cacheWrite1hPicos: 10_000_000,
  outputPicos: 30_000_000,
}

export async function seedModels(databaseUrl: string, upstreamUrl: string): Promise<void> {
  const modelsOf = (size: string, behaviours: Record<string, string>): SeedModel[] =>
    Object.entries(behaviours).map(([name, behaviour]) => ({ id: `${size}-${name}`, upstreamModel: `scripted-${behaviour}`, kind: 'chat' }))
  await seed(databaseUrl, { upstreamUrl, models: [...modelsOf('small', small), ...modelsOf('large', large)] })
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    const prices = modelIds.large.map((modelId) => ({ id: `prc_${modelId}`, modelId, effectiveAt: new Date(1), ...largePrice }))
    await db.insert(priceVersions).values(prices)
  } finally {
    await close()
  }
}
