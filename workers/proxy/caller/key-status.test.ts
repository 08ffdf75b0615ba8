import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import type { StandingOutcome } from '#shared/contracts/ledger.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { readKeyStatus } from './key-status.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

test('the ledger is told from which address a key asks what it has left, and its refusal is handed on', async () => {
  const { apiKey, keyId } = await createOrganization(nodePlatform(database.db), {})
  const ledger = new ScriptedLedger()
  const asked: object[] = []
  ledger.stands = (request): StandingOutcome => {
    asked.push(request)
    return { outcome: 'refused', reason: 'ip_not_allowed' }
  }
  const headers = { authorization: `Bearer ${apiKey}`, 'cf-connecting-ip': '203.0.113.9' }
  const exchange = exchangeWith(ledger, { db: database.db, request: new Request('https://relay.test/v1/key', { headers }) })
  await expect(readKeyStatus(exchange)).rejects.toMatchObject({ code: 'ip_not_allowed', status: 403 })
  expect(asked).toMatchObject([{ keyId, clientIp: '203.0.113.9' }])
})
