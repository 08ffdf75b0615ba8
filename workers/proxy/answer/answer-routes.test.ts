import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { readCatalogue } from '#db/queries/read-catalogue.ts'
import { routes, upstreams } from '#db/schema/index.ts'
import { seed } from '#db/seed.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { boundNanos, type Price } from '#shared/pricing/cost.ts'
import { openaiResponses } from '../dialects/openai-responses.ts'
import { answerRouteSeconds, continuedFrameTokens } from '../limits.ts'
import { relay as relayCall } from '../relay.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import { platformGlobals } from '../testing/streamed-answer.ts'
import { rememberAnswer } from './answer-routes.ts'

const redisUrl = 'https://redis.test'
const Command = z.array(z.union([z.string(), z.number()]))

/** Redis behind its REST interface, as far as it is asked here. */
class ScriptedRedis {
  readonly values = new Map<string, string>()
  readonly commands: (string | number)[][] = []
  isAway = false

  answer(body: string): Response {
    if (this.isAway) return new Response('away', { status: 500 })
    const [name, key, value, ...rest] = Command.parse(JSON.parse(body))
    this.commands.push([String(name), String(key), String(value), ...rest])
    if (name === 'set') this.values.set(String(key), String(value))
    const found = this.values.get(String(key))
    return Response.json({ result: name === 'set' ? 'OK' : found === undefined ? null : btoa(found) })
  }
}

let database: TestDatabase
let apiKey: string
let organizationId: string
let model: { price: Price; contextTokens: number }
let redis: ScriptedRedis
let upstream: () => Response
const asked: string[] = []

beforeAll(async () => {
  database = await startTestDatabase()
  ;({ apiKey, organizationId } = await seed(database.databaseUrl, { upstreamUrl: 'https://upstream.test' }))
  await database.db.insert(upstreams).values({ id: 'other', baseUrl: 'https://other.test', credential: 'scripted' })
  const other = { id: 'rte_other', modelId: 'gpt-relay-fast', upstreamId: 'other', upstreamModel: 'x', priority: 9 }
  await database.db.insert(routes).values({ ...other, dialects: ['openai-responses'] })
  const found = (await readCatalogue(database.db)).models.find(({ id }) => id === 'gpt-relay-fast')
  if (!found) throw new Error('the seed has no gpt-relay-fast')
  model = found
})
afterAll(() => database.stop())

beforeEach(() => {
  redis = new ScriptedRedis()
  asked.length = 0
  upstream = whole
  vi.stubGlobal('fetch', async (url: string | URL, init: RequestInit) => {
    if (String(url).startsWith(redisUrl)) return redis.answer(String(init.body))
    asked.push(String(url))
    return upstream()
  })
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const usage = { input_tokens: 7, output_tokens: 5 }
const response = { id: 'resp_1', object: 'response', status: 'completed', error: null, output: [], usage }
const whole = () => Response.json(response)

/** Sends a request. `settled` waits for all that goes on after the answer. */
function relay(fields: object) {
  const ledger = new ScriptedLedger()
  const body = JSON.stringify({ model: 'gpt-relay-fast', input: 'grün', max_output_tokens: 100, ...fields })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const request = new Request('https://relay.test/v1/responses', { method: 'POST', headers, body })
  const later: Promise<unknown>[] = []
  const answered = relayCall(exchangeWith(ledger, { db: database.db, request }, later), openaiResponses)
  const settled = async () => {
    const answer = await answered
    await answer.text()
    await Promise.all(later)
    return answer
  }
  return { ledger, answered, settled, bodyBytes: new TextEncoder().encode(body).length }
}

const remembered = (answerId: string, answer: { offerKey: string; tokens: number | null }, ofOrganization = organizationId) =>
  rememberAnswer({ url: redisUrl, token: 'token' }, ofOrganization, answerId, answer)

describe('a stored answer', () => {
  test('can be continued by its customer as soon as it is there, and is kept as long as the provider keeps it', async () => {
    await (await relay({}).answered).text()
    const continued = await relay({ previous_response_id: 'resp_1' }).settled()
    expect(continued.status).toBe(200)
    expect(redis.commands.map(([name]) => name)).toEqual(['set', 'get', 'set'])
    expect(redis.commands[0]?.slice(3)).toEqual(['ex', answerRouteSeconds])
    expect(JSON.stringify(redis.commands)).not.toContain('resp_1')
  })

  test('is served by the route that has it, whatever its rank', async () => {
    expect((await relay({}).settled()).headers.get('x-relay-route')).toBe('rte_demo_gpt-relay-fast_scripted')
    await remembered('resp_1', { offerKey: 'rte_other', tokens: 12 })
    const continued = await relay({ previous_response_id: 'resp_1' }).settled()
    expect(continued.headers.get('x-relay-route')).toBe('rte_other')
    expect(asked.at(-1)).toBe('https://other.test/v1/responses')
  })

  test('cannot be continued when its route is gone', async () => {
    await remembered('resp_1', { offerKey: 'rte_gone', tokens: 12 })
    await expect(relay({ previous_response_id: 'resp_1' }).answered).rejects.toMatchObject({ code: 'no_route' })
  })

  test.each([
    ['nobody has', null],
    ['another customer has', 'org_other'],
  ])('that %s is refused without a hold and without asking an upstream', async (_, owner) => {
    if (owner) await remembered('resp_2', { offerKey: 'rte_demo_gpt-relay-fast_scripted', tokens: 12 }, owner)
    const { ledger, answered } = relay({ previous_response_id: 'resp_2' })
    await expect(answered).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      details: { param: 'previous_response_id' },
    })
    expect([ledger.admitted, asked]).toEqual([[], []])
  })

  test('is not remembered when it was not to be stored', async () => {
    await relay({ store: false }).settled()
    expect(redis.commands).toEqual([])
  })

  test('that is streamed is remembered from its first event on, and what it used at its end', async () => {
    const begun = { type: 'response.created', response: { ...response, status: 'in_progress', usage: null } }
    const said = { type: 'response.output_text.delta', delta: 'x' }
    const [first, ...others] = [begun, said, { type: 'response.completed', response }].map((event) => `data: ${JSON.stringify(event)}\n\n`)
    const stream = new ReadableStream({
      type: 'bytes',
      async start(controller: ReadableByteStreamController) {
        controller.enqueue(new TextEncoder().encode(first))
        controller.enqueue(new TextEncoder().encode(others[0]))
        await vi.waitFor(() => expect(redis.commands).toHaveLength(1))
        controller.enqueue(new TextEncoder().encode(others[1]))
        controller.close()
      },
    })
    upstream = () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    await relay({ stream: true }).settled()
    const offerKey = 'rte_demo_gpt-relay-fast_scripted'
    expect(redis.commands.map(([, , value]) => JSON.parse(String(value)))).toEqual([
      { offerKey, tokens: null },
      { offerKey, tokens: 12 },
    ])
  })
})

describe('a request that continues an answer', () => {
  test.each([
    ['what the answer was given and said', 12, () => 12 + continuedFrameTokens],
    ['no more than the model can be given', 10_000_000, () => model.contextTokens],
    ['all the model can be given when nobody has told', null, () => model.contextTokens],
  ])('holds for %s as input', async (_, tokens, earlier) => {
    await relay({}).settled()
    await remembered('resp_1', { offerKey: 'rte_other', tokens })
    const { ledger, settled, bodyBytes } = relay({ previous_response_id: 'resp_1' })
    await settled()
    const inputTokens = bodyBytes + earlier()
    expect(ledger.admitted).toMatchObject([
      { holdNanos: boundNanos({ inputTokens, outputTokens: 100 }, model.price), reservedTokens: inputTokens + 100 },
    ])
  })
})

describe('without Redis', () => {
  test('only what continues an answer waits for it', async () => {
    redis.isAway = true
    expect((await relay({}).settled()).status).toBe(200)
    await expect(relay({ previous_response_id: 'resp_1' }).answered).rejects.toMatchObject({ status: 503, code: 'unavailable' })
  })
})
