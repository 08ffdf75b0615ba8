import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Db } from '#db/client.ts'
import { openNodeDb } from '#db/node-client.ts'
import { addProviderCredential } from '#db/queries/add-provider-credential.ts'
import { findKeyByHash } from '#db/queries/find-key-by-hash.ts'
import { readOwnKeys } from '#db/queries/read-own-keys.ts'
import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { generateApiKey } from '#shared/values/api-key.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { keyFreshMs, keyUsableMs } from '../limits.ts'
import { authenticate, authenticateAgain } from './authenticate.ts'

let database: TestDatabase
/** Where nobody listens. */
const away = openNodeDb('postgres://postgres@127.0.0.1:1/postgres')

beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(async () => {
  await away.close()
  await database.stop()
})
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

async function newKey() {
  return createOrganization(nodePlatform(database.db), {})
}

function askingWith(apiKey: string, db: Db, beside: Promise<unknown>[] = []) {
  return {
    request: new Request('https://relay.test/', { headers: { authorization: `Bearer ${apiKey}` } }),
    surroundings: { db, redis: { url: 'http://127.0.0.1:9', token: '' } },
    clientIp: '203.0.113.7',
    waitUntil: (work: Promise<unknown>) => void beside.push(work),
  }
}

/** Asks with a key and waits for what goes on beside the answer. */
async function ask(apiKey: string, db: Db) {
  const beside: Promise<unknown>[] = []
  const caller = await authenticate(askingWith(apiKey, db, beside))
  await Promise.all(beside)
  return caller
}

const passTime = (ms: number) => vi.setSystemTime(Date.now() + ms)

test('a known key is served while Postgres is away, for as long as the ledger may serve it', async () => {
  const { apiKey, organizationId } = await newKey()
  expect(await ask(apiKey, database.db)).toMatchObject({ organizationId, snapshot: { organizationId } })
  passTime(keyFreshMs + 1)
  expect(await ask(apiKey, away.db)).toMatchObject({ organizationId })
  passTime(keyUsableMs - keyFreshMs - 2)
  expect(await ask(apiKey, away.db)).toMatchObject({ organizationId })
  passTime(2)
  await expect(ask(apiKey, away.db)).rejects.toMatchObject({ code: 'unavailable' })
})

test('a key nobody has looked up is asked to come back while Postgres is away', async () => {
  const { apiKey } = await newKey()
  await expect(ask(apiKey, away.db)).rejects.toMatchObject({ code: 'unavailable' })
})

test('a revoked key is noticed beside the first request after a minute and refused from the next on', async () => {
  const { apiKey, keyId, organizationId } = await newKey()
  await ask(apiKey, database.db)
  await revokeApiKey(database.db, { organizationId, keyId })
  passTime(keyFreshMs + 1)
  await ask(apiKey, database.db)
  await expect(ask(apiKey, database.db)).rejects.toMatchObject({ code: 'invalid_api_key' })
})

test("a caller comes with its customer's own keys, for as long as nobody says that they have changed", async () => {
  const { apiKey, organizationId } = await newKey()
  const { keyHash } = await ask(apiKey, database.db)
  const choice = { organizationId, provider: 'openai-compatible', name: 'n', baseUrl: 'https://llm.example.com/v1', lastFour: 'wxyz' }
  const sealed = { version: 1, kek: 'local', kekId: 'k', wrappedDek: 'w'.repeat(80), sealed: 's'.repeat(39) } as const
  for (const credentialId of ['byk_a', 'byk_b']) {
    const credential = { ...choice, credentialId, priority: 0, models: ['theirs'], keyIds: null, sealed }
    expect(await addProviderCredential(database.db, credential)).toMatchObject({ outcome: 'added' })
  }
  const ownKeys = await readOwnKeys(database.db, organizationId)
  expect(ownKeys?.credentials.map(({ credentialId }) => credentialId)).toEqual(['byk_a', 'byk_b'])
  expect(await findKeyByHash(database.db, keyHash)).toMatchObject({ organizationId, ownKeys, snapshot: { credentialsVersion: 2 } })
  const stale = await ask(apiKey, away.db)
  expect(stale).toMatchObject({ ownKeys: { version: 0, credentials: [] } })
  await expect(authenticateAgain(askingWith(apiKey, away.db), stale)).rejects.toMatchObject({ code: 'unavailable' })
  // The ledger needs the account of the same moment, or it would say again that they have changed.
  expect(await authenticateAgain(askingWith(apiKey, database.db), stale)).toMatchObject({ ownKeys, snapshot: { credentialsVersion: 2 } })
  expect(await ask(apiKey, away.db)).toMatchObject({ organizationId, ownKeys })
})

test('a caller that is looked up again may have been revoked', async () => {
  const { apiKey, keyId, organizationId } = await newKey()
  const caller = await ask(apiKey, database.db)
  await revokeApiKey(database.db, { organizationId, keyId })
  await expect(authenticateAgain(askingWith(apiKey, database.db), caller)).rejects.toMatchObject({ code: 'invalid_api_key' })
  await expect(ask(apiKey, away.db)).rejects.toMatchObject({ code: 'invalid_api_key' })
})

test('a management key calls no models, and is told so without a look-up', async () => {
  const beside: Promise<unknown>[] = []
  await expect(authenticate(askingWith(generateApiKey('rrm_'), away.db, beside))).rejects.toMatchObject({
    code: 'invalid_api_key',
    status: 401,
    message: expect.stringContaining('management key'),
  })
})
