import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { priceVersions } from '#db/schema/index.ts'
import { seed } from '#db/seed.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { geminiStream } from '../dialects/gemini-content.ts'
import { streamTailBytes } from '../limits.ts'
import { relay } from '../relay.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { platformGlobals } from '../testing/streamed-answer.ts'

let database: TestDatabase
let apiKey: string

beforeAll(async () => {
  database = await startTestDatabase()
  apiKey = (await seed(database.databaseUrl, { upstreamUrl: 'https://upstream.test' })).apiKey
  const picos = { inputPicos: 1, cacheReadPicos: 1, cacheWrite5mPicos: 1, cacheWrite1hPicos: 1, outputPicos: 1 }
  const units = { webSearchNanos: 14_000_000 }
  await database.db
    .insert(priceVersions)
    .values({ id: 'prc_search', modelId: 'gemini-relay-fast', effectiveAt: new Date(1), units, ...picos })
})
afterAll(() => database.stop())
beforeEach(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

test('searches are held for, and billed also when they are told far from the end of a stream', async () => {
  const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4 }
  const parts = [{ text: 'x'.repeat(streamTailBytes) }]
  const events = [
    { candidates: [{ content: { parts: [{ text: 'a' }] } }], usageMetadata },
    { candidates: [{ groundingMetadata: { webSearchQueries: ['one', 'two'] } }], usageMetadata },
    { candidates: [{ content: { parts } }], usageMetadata },
    { candidates: [{ finishReason: 'STOP' }], usageMetadata },
  ]
  const stream = events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
  const bytes = new Blob([stream]).stream()
  vi.stubGlobal('fetch', async () => new Response(bytes, { headers: { 'content-type': 'text/event-stream' } }))
  const body = JSON.stringify({ contents: [{ parts: [{ text: 'news' }] }], tools: [{ googleSearch: {} }] })
  const headers = { 'x-goog-api-key': apiKey, 'content-type': 'application/json' }
  const request = new Request('https://relay.test/v1beta/models/x:streamGenerateContent?alt=sse', { method: 'POST', headers, body })
  const ledger = new ScriptedLedger()
  const later: Promise<unknown>[] = []
  const answer = await relay(exchangeWith(ledger, { db: database.db, request }, later), geminiStream, 'gemini-relay-fast')
  expect(await answer.text()).toBe(stream)
  await Promise.all(later)
  expect(ledger.admitted[0]?.holdNanos).toBeGreaterThan(16 * 14_000_000)
  const [settled] = ledger.settled
  expect(settled?.settlement).toMatchObject({
    usage: { inputTokens: 3, outputTokens: 4, webSearches: 2 },
    costNanos: 28_000_001,
    estimated: false,
  })
})
