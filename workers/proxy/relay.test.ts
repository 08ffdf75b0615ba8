import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { readCatalogue } from '#db/queries/read-catalogue.ts'
import { organizations } from '#db/schema/index.ts'
import { seed } from '#db/seed.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { boundNanos, costNanos, type Price } from '#shared/pricing/cost.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { relay as relayCall } from './relay.ts'
import { exchangeWith } from './testing/exchange.ts'
import { ScriptedLedger, standing } from './testing/scripted-ledger.ts'
import { platformGlobals } from './testing/streamed-answer.ts'

let database: TestDatabase
let apiKey: string
let model: { price: Price; maxOutputTokens: number }
let dearModel: typeof model

beforeAll(async () => {
  database = await startTestDatabase()
  apiKey = (await seed(database.databaseUrl, { upstreamUrl: 'https://upstream.test' })).apiKey
  const { models } = await readCatalogue(database.db)
  const found = ['gpt-relay-fast', 'claude-relay-fast'].flatMap((wanted) => models.find(({ id }) => id === wanted) ?? [])
  if (!found[0] || !found[1]) throw new Error('the seed lacks a model')
  ;[model, dearModel] = [found[0], found[1]]
})
afterAll(() => database.stop())

beforeEach(() => {
  for (const [name, value] of Object.entries(platformGlobals)) vi.stubGlobal(name, value)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const messages = [{ role: 'user', content: 'grün' }]
const usage = { prompt_tokens: 7, completion_tokens: 5 }
const reported = { inputTokens: 7, outputTokens: 5 }

/** Sends a request whose upstream answers so. `settled` waits for all that goes on after the answer. */
function relay(fields: object, upstream: () => Response, ledger = new ScriptedLedger()) {
  vi.stubGlobal('fetch', async () => upstream())
  const body = JSON.stringify({ model: 'gpt-relay-fast', messages, ...fields })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const request = new Request('https://relay.test/v1/chat/completions', { method: 'POST', headers, body })
  const later: Promise<unknown>[] = []
  const response = relayCall(exchangeWith(ledger, { db: database.db, request }, later), openaiChat)
  const settled = async () => {
    await response.then((answer) => answer.text()).catch(() => undefined)
    await Promise.all(later)
    return ledger.settled
  }
  return { ledger, response, settled, bodyBytes: new TextEncoder().encode(body).length }
}

/** As whoever changes a provider credential does. */
function raiseCredentialsVersion() {
  return database.db.update(organizations).set({ credentialsVersion: 1 }).where(eq(organizations.id, 'org_demo'))
}

const wholeAnswer = () => Response.json({ choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }], usage })

describe('the hold of a request', () => {
  test.each([
    ['as many choices as it asks for', { n: 3, max_tokens: 11 }, 33],
    ['one choice when it asks for none', { max_completion_tokens: 11 }, 11],
  ])('covers every byte of its input and %s', async (_, fields, outputTokens) => {
    const { ledger, settled, bodyBytes } = relay(fields, wholeAnswer)
    await settled()
    const holdNanos = boundNanos({ inputTokens: bodyBytes, outputTokens }, model.price)
    expect(ledger.admitted).toMatchObject([{ holdNanos, reservedTokens: bodyBytes + outputTokens }])
  })

  test('covers all that the model can say when the client sets no end', async () => {
    const { ledger, settled, bodyBytes } = relay({ n: 2 }, wholeAnswer)
    await settled()
    const outputTokens = 2 * model.maxOutputTokens
    const holdNanos = boundNanos({ inputTokens: bodyBytes, outputTokens }, model.price)
    expect(ledger.admitted).toMatchObject([{ holdNanos, reservedTokens: bodyBytes + outputTokens }])
  })

  test('covers the dearest of the models that may serve it, and the ledger is told of each', async () => {
    const { ledger, settled, bodyBytes } = relay({ max_tokens: 11, relay: { models: ['claude-relay-fast'] } }, wholeAnswer)
    const [{ request } = {}] = (await settled()).slice(0, 1)
    const usual = boundNanos({ inputTokens: bodyBytes, outputTokens: 11 }, model.price)
    const holdNanos = boundNanos({ inputTokens: bodyBytes, outputTokens: 11 }, dearModel.price)
    expect(holdNanos).toBeGreaterThan(usual ?? Number.POSITIVE_INFINITY)
    expect(ledger.admitted).toMatchObject([{ holdNanos, fallbackModels: ['claude-relay-fast'] }])
    expect(request?.model).toBe('gpt-relay-fast')
  })

  test('is not asked for when the request wants more than the model can say', async () => {
    const { ledger, response } = relay({ max_tokens: model.maxOutputTokens + 1 }, wholeAnswer)
    await expect(response).rejects.toMatchObject({ status: 400 })
    expect(ledger.admitted).toEqual([])
  })
})

test('a model that is not found is looked for anew when the ledger, told of the account, knows of other own keys', async () => {
  const ledger = new ScriptedLedger()
  await relay({}, wholeAnswer, ledger).settled()
  const versions: (number | undefined)[] = []
  ledger.stands = ({ snapshot }) => {
    versions.push(snapshot?.credentialsVersion)
    return snapshot
      ? { outcome: 'known', standing, heldNanos: 0, unconfirmedNanos: 0, credentialsVersion: 1 }
      : { outcome: 'snapshot_required' }
  }
  await raiseCredentialsVersion()
  const { response } = relay({ model: 'gpt-unheard-of' }, wholeAnswer, ledger)
  await expect(response).rejects.toMatchObject({ code: 'model_not_found' })
  // The key as it was read anew is known to be up to date, and is what the next request is admitted with.
  expect(versions).toEqual([undefined, 1])
  await relay({}, wholeAnswer, ledger).settled()
  expect(ledger.admitted.map(({ credentialsVersion }) => credentialsVersion)).toEqual([undefined, 1])
})

describe('an admitted request is settled once', () => {
  test('with its usage when the answer came whole', async () => {
    const { ledger, settled } = relay({}, wholeAnswer)
    expect(await settled()).toMatchObject([
      { settlement: { costNanos: costNanos(reported, model.price), usage: reported, end: 'completed' } },
    ])
    expect(ledger.settled[0]?.request).toEqual(ledger.admitted[0]?.request)
    expect(ledger.settled[0]?.holdNanos).toBe(ledger.admitted[0]?.holdNanos)
  })

  test.each([
    ['refuses', () => new Response('no', { status: 500 })],
    ['answers with something else', () => new Response('<html>')],
    ['cannot be reached', () => Promise.reject(new TypeError('connection refused')) as unknown as Response],
  ])('with nothing when the upstream %s', async (_, upstream) => {
    const { response, settled } = relay({}, upstream)
    await expect(response).rejects.toThrow()
    expect(await settled()).toMatchObject([{ settlement: { costNanos: 0, end: 'upstream_error' } }])
  })

  test('with its usage when it was streamed, after renewals that tell what had passed', async () => {
    const ledger = new ScriptedLedger()
    ledger.leaseMs = 90
    const line = (fields: object) => new TextEncoder().encode(`data: ${JSON.stringify(fields)}\n\n`)
    const stream = new ReadableStream({
      type: 'bytes',
      async start(controller: ReadableByteStreamController) {
        controller.enqueue(line({ choices: [{ delta: { content: 'x'.repeat(400) } }], usage: null }))
        await vi.waitFor(() => expect(ledger.renewed.length).toBeGreaterThanOrEqual(2), { timeout: 5_000 })
        controller.enqueue(line({ choices: [], usage }))
        controller.close()
      },
    })
    const upstream = () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    const { settled, bodyBytes } = relay({ stream: true }, upstream, ledger)
    expect(await settled()).toMatchObject([{ settlement: { costNanos: costNanos(reported, model.price), end: 'completed' } }])
    const passed = { inputTokens: Math.ceil(bodyBytes / 4), outputTokens: 100 }
    const report = { costNanos: costNanos(passed, model.price), usage: passed, estimated: true, end: 'expired' }
    expect(ledger.renewed.at(-1)).toMatchObject({ holdNanos: ledger.admitted[0]?.holdNanos, report })
  })
})
