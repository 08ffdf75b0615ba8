import { openNodeDb } from '#db/node-client.ts'
import { models, priceVersions, routes, upstreams } from '#db/schema/index.ts'
import { type SeedModel, type scriptedPeers, seed } from '#db/seed.ts'
import { behaviourModels } from '#workers/dev/database.ts'
import type { StackDescription } from '#workers/dev/stack.ts'

/** Behaviours with a parameter that journeys use; the stack sells all others by itself. */
const variants = [
  'paced-5',
  'paced-50',
  'paced-100',
  'slow-first-300',
  'slow-first-1500',
  'split-7',
  'rate-limited-1',
  'flaky-2',
  'gzip-bomb-1',
  'break-1',
]

/** A model whose upstream is a port where nobody listens. */
export const unreachableModel = 'gpt-unreachable'

/** A model with a route and no price, which must not be free. */
export const unpricedModel = 'gpt-unpriced'

/** The model through which customers meet a behaviour of the scripted upstream, as the provider of this prefix. */
export function modelOf(behaviour: string, prefix: (typeof scriptedPeers)[number]['prefix'] = 'gpt'): string {
  return `${prefix}-scripted-${behaviour}`
}

/** The same as Anthropic plays it. */
export function claudeModelOf(behaviour: string): string {
  return `claude-scripted-${behaviour}`
}

/** A model whose route says what its provider charges. */
export const costedModel = 'gpt-costed'
export const costedPicos = { inputPicos: 1_000_000, cacheReadPicos: 0, cacheWrite5mPicos: 0, cacheWrite1hPicos: 0, outputPicos: 3_000_000 }

/** What a CLIProxyAPI answers instead of the model, `nothing` being a model that it does not have. */
const proxiedFailures = ['cooldown-1', 'auth-unavailable', 'nothing', 'error-503', 'error-401'] as const
export type ProxiedFailure = (typeof proxiedFailures)[number]

/** A model whose first route fails in this way and whose second is well. There are two, so that what the proxy learns of one does not change the other. */
export function proxiedModelOf(failure: ProxiedFailure, which: 'usual' | 'alone' = 'usual'): string {
  return `gpt-proxied-${failure}-${which}`
}

function proxiedModel(failure: ProxiedFailure): (id: string) => SeedModel {
  const dialects: ['openai-chat'] = ['openai-chat']
  const routes: SeedModel['routes'] = [
    { upstreamId: 'cliproxy', upstreamModel: `cpa-${failure}`, dialects },
    { upstreamId: 'scripted', upstreamModel: 'scripted-fast', dialects },
  ]
  return (id) => ({ id, upstreamModel: `cpa-${failure}`, kind: 'chat', routes })
}

/** Sells what journeys need beside the catalogue of every local stack. Before the first request, because the proxy keeps the catalogue for a while. */
export async function seedVariants(databaseUrl: string, { upstreamUrl, demo }: StackDescription): Promise<void> {
  const proxied = proxiedFailures.flatMap((failure) =>
    [proxiedModelOf(failure), proxiedModelOf(failure, 'alone')].map(proxiedModel(failure)),
  )
  const models = [...variants.flatMap(behaviourModels), ...proxied]
  await seed(databaseUrl, { upstreamUrl, demoApiKey: demo.apiKey, models })
  await seedOddModels(databaseUrl)
  await seedWishedModels(databaseUrl, upstreamUrl)
}

async function seedOddModels(databaseUrl: string): Promise<void> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    // Port 1 belongs to a service nobody runs.
    await db.insert(upstreams).values({ id: 'unreachable', baseUrl: 'http://127.0.0.1:1', credential: 'scripted' })
    const size = { kind: 'chat' as const, contextTokens: 128_000, maxOutputTokens: 4_096 }
    await db.insert(models).values([
      { id: unreachableModel, ...size },
      { id: unpricedModel, ...size },
      { id: costedModel, ...size },
    ])
    const route = { upstreamModel: 'scripted-fast', dialects: ['openai-chat' as const] }
    await db.insert(routes).values([
      { id: 'rte_unreachable', modelId: unreachableModel, upstreamId: 'unreachable', ...route },
      { id: 'rte_unpriced', modelId: unpricedModel, upstreamId: 'scripted', ...route },
      { id: 'rte_costed', modelId: costedModel, upstreamId: 'scripted', cost: costedPicos, ...route },
    ])
    const picos = { inputPicos: 1, cacheReadPicos: 1, cacheWrite5mPicos: 1, cacheWrite1hPicos: 1, outputPicos: 1 }
    const priced = [unreachableModel, costedModel].map((modelId) => ({ id: `prc_${modelId}`, modelId, effectiveAt: new Date(0), ...picos }))
    await db.insert(priceVersions).values(priced)
  } finally {
    await close()
  }
}

/** Two providers of the same models in two regions, either of which is the scripted upstream. */
export const wishedProviders = ['wished-eu', 'wished-us'] as const

/** For wishes in the field `relay`, where the price tells who answered. */
export const wished = {
  /** Sold by both: first in `eu`, and in `us` at half of that. */
  both: 'gpt-wished-both',
  /** Sold by both, with nothing to prefer one to the other. */
  even: 'gpt-wished-even',
  /** Its first route is broken and its second well. There are two, so that what the proxy learns of one does not change the other. */
  half: 'gpt-wished-half',
  halfAlone: 'gpt-wished-half-alone',
  /** Its only route is broken. */
  broken: 'gpt-wished-broken',
  /** Another model, dearer than all of them. */
  dear: 'gpt-wished-dear',
}

async function seedWishedModels(databaseUrl: string, upstreamUrl: string): Promise<void> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  const [eu, us] = wishedProviders
  const route = (modelId: string, upstreamId: string, upstreamModel = 'scripted-fast') => ({
    id: `rte_${modelId}_${upstreamId}`,
    modelId,
    upstreamId,
    upstreamModel,
    region: upstreamId === eu ? 'eu' : 'us',
    priority: upstreamId === eu || modelId === wished.even ? 0 : 1,
    dialects: ['openai-chat' as const, 'openai-responses' as const],
  })
  const price = (modelId: string, inputPicos: number, routeId: string | null = null) => ({
    id: `prc_${routeId ?? modelId}`,
    modelId,
    routeId,
    effectiveAt: new Date(0),
    inputPicos,
    cacheReadPicos: inputPicos,
    cacheWrite5mPicos: inputPicos,
    cacheWrite1hPicos: inputPicos,
    outputPicos: 4 * inputPicos,
  })
  const ids = Object.values(wished)
  try {
    const upstream = { baseUrl: `${upstreamUrl}/openai`, credential: 'scripted' }
    await db.insert(upstreams).values(wishedProviders.map((id) => ({ id, ...upstream })))
    await db.insert(models).values(ids.map((id) => ({ id, kind: 'chat' as const, contextTokens: 128_000, maxOutputTokens: 4_096 })))
    await db
      .insert(routes)
      .values([
        ...[wished.both, wished.even, wished.dear].map((id) => route(id, eu)),
        ...[wished.half, wished.halfAlone, wished.broken].map((id) => route(id, eu, 'scripted-error-503')),
        ...[wished.both, wished.even, wished.half, wished.halfAlone].map((id) => route(id, us)),
      ])
    const prices = ids.map((id) => price(id, id === wished.dear ? 7_000_003 : 200_000))
    await db.insert(priceVersions).values([...prices, price(wished.both, 100_000, route(wished.both, us).id)])
  } finally {
    await close()
  }
}
