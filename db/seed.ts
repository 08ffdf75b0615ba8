import type { DialectName, ModelKind, UpstreamKind } from '#shared/contracts/dialect.ts'
import type { Price } from '#shared/pricing/cost.ts'
import { generateApiKey, hashApiKey, isWellFormedApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import type { Db } from './client.ts'
import { openNodeDb } from './node-client.ts'
import { createApiKey } from './queries/create-api-key.ts'
import { createOrganization } from './queries/create-organization.ts'
import { findKeyByHash } from './queries/find-key-by-hash.ts'
import { postEntry } from './queries/post-entry.ts'
import { models, priceVersions, routes, upstreams } from './schema/index.ts'

/** The providers that the scripted upstream plays, each at a path and in dialects of its own. */
export const scriptedPeers = [
  { id: 'scripted', kind: 'openai', byok: 'openai', path: '/openai', prefix: 'gpt', dialects: ['openai-chat', 'openai-responses'] },
  {
    id: 'scripted-anthropic',
    kind: 'anthropic',
    byok: 'anthropic',
    path: '/anthropic',
    prefix: 'claude',
    dialects: ['anthropic-messages'],
  },
  { id: 'scripted-gemini', kind: 'gemini', byok: 'gemini', path: '/gemini', prefix: 'gemini', dialects: ['gemini-content'] },
] as const satisfies { id: string; kind: UpstreamKind; byok: string; path: string; prefix: string; dialects: DialectName[] }[]
/** Another way to models of all of them, under names of its own. */
const cliproxy = { id: 'cliproxy', kind: 'cliproxyapi', byok: null, path: '/cliproxy' } as const
type PeerId = (typeof scriptedPeers)[number]['id']

export interface SeedModel {
  id: string
  upstreamModel: string
  kind: ModelKind
  /** Who serves it; OpenAI's peer when absent. */
  peers?: PeerId[]
  /** What it is served in, when that is not what its peers speak. */
  dialects?: DialectName[]
  /** A few pages when absent. */
  maxOutputTokens?: number
  /** What it costs beside, or other than, a small model of text. */
  price?: Partial<Price>
  /** Other routes than one to each peer, in the order in which they are tried. */
  routes?: SeedRoute[]
}

export interface SeedRoute {
  upstreamId: PeerId | 'cliproxy'
  upstreamModel: string
  dialects: DialectName[]
}

export interface SeedOptions {
  /** Base URL of the scripted upstream, without its dialect's path. */
  upstreamUrl: string
  /** The key of an earlier run; handed back while it still works. */
  demoApiKey?: string | undefined
  /** Models beside the demo catalogue. */
  models?: SeedModel[]
}

const demoModels: SeedModel[] = [
  { id: 'gpt-relay-fast', upstreamModel: 'scripted-fast', kind: 'chat' },
  { id: 'gpt-relay-paced', upstreamModel: 'scripted-paced-20', kind: 'chat' },
  // The AI SDK asks for as much of a Claude that it does not know.
  {
    id: 'claude-relay-fast',
    upstreamModel: 'scripted-fast',
    kind: 'chat',
    peers: ['scripted-anthropic', 'scripted'],
    maxOutputTokens: 128_000,
  },
  { id: 'gemini-relay-fast', upstreamModel: 'scripted-fast', kind: 'chat', peers: ['scripted-gemini', 'scripted'] },
  {
    id: 'gemini-relay-embedding',
    upstreamModel: 'scripted-embedding',
    kind: 'embeddings',
    peers: ['scripted-gemini'],
    dialects: ['gemini-embeddings'],
  },
  {
    id: 'claude-relay-proxied',
    upstreamModel: 'cpa-fast',
    kind: 'chat',
    routes: [
      { upstreamId: 'cliproxy', upstreamModel: 'cpa-fast', dialects: ['openai-chat', 'anthropic-messages'] },
      { upstreamId: 'scripted', upstreamModel: 'scripted-fast', dialects: ['openai-chat'] },
    ],
  },
]
const organizationId = 'org_demo'
/** The entry of UPSTREAM_CREDENTIALS with the key that all peers take. */
const credential = 'scripted'
const creditNanos = 10_000_000_000

/** Fills a migrated database with the demo catalogue, a customer with ten dollars and one key. May run on every start. */
export async function seed(databaseUrl: string, options: SeedOptions): Promise<{ organizationId: string; apiKey: string }> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    await seedCatalogue(db, options)
    await createOrganization(db, { organizationId, name: 'Demo' })
    await postEntry(db, {
      organizationId,
      amountNanos: creditNanos,
      kind: 'credit',
      eventId: 'seed:demo-credit',
      reason: 'demo credit',
    })
    return { organizationId, apiKey: await demoKey(db, options.demoApiKey) }
  } finally {
    await close()
  }
}

async function seedCatalogue(db: Db, options: SeedOptions): Promise<void> {
  for (const { id, kind, byok, path } of [...scriptedPeers, cliproxy]) {
    const baseUrl = options.upstreamUrl + path
    const set = { baseUrl, byok }
    await db
      .insert(upstreams)
      .values({ id, kind, credential, ...set })
      .onConflictDoUpdate({ target: upstreams.id, set })
  }
  const wanted = [...demoModels, ...(options.models ?? [])]
  await db.insert(models).values(wanted.map(modelRow)).onConflictDoNothing()
  await db.insert(priceVersions).values(wanted.map(priceRow)).onConflictDoNothing()
  await db.insert(routes).values(wanted.flatMap(routeRows)).onConflictDoNothing()
}

function modelRow({ id, kind, maxOutputTokens = 4_096 }: SeedModel): typeof models.$inferInsert {
  // OpenAI publishes how its models cut text into tokens, others do not.
  return { id, kind, contextTokens: 128_000, maxOutputTokens, tokenizer: id.startsWith('gpt-') ? 'o200k_base' : 'unknown' }
}

function priceRow({ id, price }: SeedModel): typeof priceVersions.$inferInsert {
  const usual = id.startsWith('claude-') ? largePrice : smallPrice
  return { id: `prc_demo_${id}`, modelId: id, effectiveAt: new Date(0), ...usual, ...price }
}

/** What a small model costs. Dollars per million tokens: 0.15 in, 0.075 from the cache, 0.60 out. */
const smallPrice = {
  inputPicos: 150_000,
  cacheReadPicos: 75_000,
  cacheWrite5mPicos: 150_000,
  cacheWrite1hPicos: 150_000,
  outputPicos: 600_000,
}

/** What a large one costs whose cache is paid for when it is written, and that searches the web for a cent. */
const largePrice = {
  inputPicos: 3_000_000,
  cacheReadPicos: 300_000,
  cacheWrite5mPicos: 3_750_000,
  cacheWrite1hPicos: 6_000_000,
  outputPicos: 15_000_000,
  units: { webSearchNanos: 10_000_000 },
}

function routeRows({ id, upstreamModel, peers = ['scripted'], dialects, routes: others }: SeedModel): (typeof routes.$inferInsert)[] {
  if (others) return others.map((route, priority) => ({ id: `rte_demo_${id}_${route.upstreamId}`, modelId: id, priority, ...route }))
  const serving = scriptedPeers.filter((peer) => peers.includes(peer.id))
  return serving.map((peer) => ({
    id: `rte_demo_${id}_${peer.id}`,
    modelId: id,
    upstreamId: peer.id,
    upstreamModel,
    dialects: dialects ?? [...peer.dialects],
  }))
}

async function demoKey(db: Db, earlierKey: string | undefined): Promise<string> {
  if (earlierKey !== undefined && isWellFormedApiKey(earlierKey)) {
    const found = await findKeyByHash(db, await hashApiKey(earlierKey))
    if (found?.organizationId === organizationId) return earlierKey
  }
  const apiKey = generateApiKey()
  const keyHash = await hashApiKey(apiKey)
  await createApiKey(db, { keyId: newId('key'), organizationId, name: 'Demo', keyHash, redacted: redactApiKey(apiKey) })
  return apiKey
}
