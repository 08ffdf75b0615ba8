import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Db } from '#db/client.ts'
import { openNodeDb } from '#db/node-client.ts'
import { revokeApiKey } from '#db/queries/revoke-api-key.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { keyFreshMs, keyUsableMs } from '../limits.ts'
import { authenticate } from './authenticate.ts'

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
  const noObject = () => {
    throw new Error('a new customer has no object yet')
  }
  return createOrganization({ db: database.db, ledger: { getByName: noObject }, actor: 'test' }, {})
}

/** Asks with a key and waits for what goes on beside the answer. */
async function ask(apiKey: string, db: Db) {
  const beside: Promise<unknown>[] = []
  const caller = await authenticate({
    request: new Request('https://relay.test/', { headers: { authorization: `Bearer ${apiKey}` } }),
    surroundings: {
      db,
      redis: { url: 'http://127.0.0.1:9', token: '' },
    },
    clientIp: '203.0.113.7',
    waitUntil: (work) => void beside.push(work),
  })
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
