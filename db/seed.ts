import type { DialectName, UpstreamKind } from '#shared/contracts/dialect.ts'
import { generateApiKey, hashApiKey, isWellFormedApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'
import type { Db } from './client.ts'
import { openNodeDb } from './node-client.ts'
import { createApiKey } from './queries/create-api-key.ts'
import { createOrganization } from './queries/create-organization.ts'
import { findKeyByHash } from './queries/find-key-by-hash.ts'
import { postEntry } from './queries/post-entry.ts'
import { models, priceVersions, routes, upstreams } from './schema/index.ts'

export interface SeedModel {
  id: string
  upstreamModel: string
  kind: 'chat'
  /** In the order in which they are tried; without them the model has one, to the scripted upstream in OpenAI's dialect. */
  routes?: SeedRoute[]
}

export interface SeedRoute {
  upstreamId: keyof typeof demoUpstreams
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

/** The scripted providers: one server, which tells them apart by the path, and takes one key. */
const demoUpstreams = {
  scripted: { kind: 'openai', path: '/openai' },
  cliproxy: { kind: 'cliproxyapi', path: '/cliproxy' },
} as const satisfies Record<string, { kind: UpstreamKind; path: string }>
const credential = 'scripted'

const demoModels: SeedModel[] = [
  { id: 'gpt-relay-fast', upstreamModel: 'scripted-fast', kind: 'chat' },
  { id: 'gpt-relay-paced', upstreamModel: 'scripted-paced-20', kind: 'chat' },
  { id: 'claude-relay-fast', upstreamModel: 'scripted-fast', kind: 'chat' },
  { id: 'gemini-relay-fast', upstreamModel: 'scripted-fast', kind: 'chat' },
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
  for (const [id, { kind, path }] of Object.entries(demoUpstreams)) {
    const baseUrl = options.upstreamUrl + path
    await db.insert(upstreams).values({ id, kind, baseUrl, credential }).onConflictDoUpdate({ target: upstreams.id, set: { baseUrl } })
  }
  const wanted = [...demoModels, ...(options.models ?? [])]
  await db.insert(models).values(wanted.map(modelRow)).onConflictDoNothing()
  await db.insert(priceVersions).values(wanted.map(priceRow)).onConflictDoNothing()
  await db.insert(routes).values(wanted.flatMap(routeRows)).onConflictDoNothing()
}

function modelRow({ id, kind }: SeedModel): typeof models.$inferInsert {
  // OpenAI publishes how its models cut text into tokens, others do not.
  return { id, kind, contextTokens: 128_000, maxOutputTokens: 4_096, tokenizer: id.startsWith('gpt-') ? 'o200k_base' : 'unknown' }
}

/** What a small model costs. Dollars per million tokens: 0.15 in, 0.075 from the cache, 0.60 out. */
function priceRow({ id }: SeedModel): typeof priceVersions.$inferInsert {
  return {
    id: `prc_demo_${id}`,
    modelId: id,
    inputPicos: 150_000,
    cacheReadPicos: 75_000,
    cacheWrite5mPicos: 150_000,
    cacheWrite1hPicos: 150_000,
    outputPicos: 600_000,
    effectiveAt: new Date(0),
  }
}

function routeRows({ id, upstreamModel, routes: some }: SeedModel): (typeof routes.$inferInsert)[] {
  const wanted: SeedRoute[] = some ?? [{ upstreamId: 'scripted', upstreamModel, dialects: ['openai-chat'] }]
  return wanted.map((route, priority) => ({ id: `rte_demo_${id}${priority === 0 ? '' : `_${priority}`}`, modelId: id, priority, ...route }))
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
