import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { chatBody, endedRecord, type RawAnswer, type RawRequest, send, streamed, testKey } from '../test-client.ts'
import { renderFailure, scriptedFailure } from './failures.ts'

let upstream: Upstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
  client = new OpenAI({ apiKey: testKey, baseURL: `${upstream.url}/cliproxy/v1`, maxRetries: 0 })
})
afterAll(() => upstream.close())

const turn = async (to: unknown): Promise<RawAnswer> => send(upstream.url, { path: '/_truth/cliproxy', body: to })
afterEach(() => turn({}))

const ask = (request: RawRequest): Promise<RawAnswer> => send(upstream.url, { path: '/cliproxy/v1/chat/completions', ...request })
const chat = (model: string): Promise<RawAnswer> => ask({ body: chatBody(model, 'hi [tokens=3]') })
const list = async (path = '/cliproxy/v1/models', headers: Record<string, string> = {}): Promise<string> =>
  (await ask({ path, method: 'GET', headers })).text
const errorOf = ({ text }: RawAnswer): unknown => JSON.parse(text).error

describe('the official client', () => {
  test('gets an answer of the model behind an alias, which names that model', async () => {
    const messages = [{ role: 'user' as const, content: 'hello [tokens=5]' }]
    const direct = await client.chat.completions.create({ model: 'scripted-fast', messages })
    const aliased = await client.chat.completions.create({ model: 'cpa-fast', messages })
    expect(aliased.model).toBe('scripted-fast')
    expect(aliased.choices[0]?.message.content?.split(' ')).toHaveLength(5)
    expect(aliased.choices[0]?.message).toEqual(direct.choices[0]?.message)
  })

  test('streams under an alias with a parameter', async () => {
    const messages = [{ role: 'user' as const, content: 'hello [tokens=4]' }]
    const stream = await client.chat.completions.create({ model: 'cpa-paced-1', messages, ...streamed, stream: true })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(new Set(chunks.map((chunk) => chunk.model))).toEqual(new Set(['scripted-paced-1']))
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(4)
  })

  test('lists models under their own names and their aliases', async () => {
    const ids = (await client.models.list()).data.map((model) => model.id)
    expect(ids).toEqual(expect.arrayContaining(['scripted-fast', 'cpa-fast', 'scripted-cooldown']))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each([
    ['scripted-cooldown', OpenAI.RateLimitError],
    ['scripted-auth-unavailable', OpenAI.InternalServerError],
    ['scripted-nothing', OpenAI.BadRequestError],
    ['scripted-refuse', OpenAI.APIConnectionError],
  ])('sees the right class of error for %s', async (model, type) => {
    const request = client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hi' }] })
    await expect(request).rejects.toBeInstanceOf(type)
  })
})

test('the ground truth tells the played model, the behaviour and the tokens of what was sent on', async () => {
  const body = chatBody('cpa-fast', 'a canary [tokens=6]', streamed)
  await ask({ body, headers: { 'x-request-id': 'cpa-truth' } })
  const record = await endedRecord(upstream, 'cpa-truth')
  expect(record).toMatchObject({ model: 'scripted-fast', behaviour: 'fast', stream: true, outcome: 'completed', leaks: [] })
  expect(record).toMatchObject({ completionTokensSent: 6, bodyBytes: Buffer.byteLength(JSON.stringify(body)) })
  expect(record.headers.authorization).toBe('right')
  expect(JSON.stringify(record)).not.toMatch(/canary|sk-/)
})

test('a refusal on the first bytes did no work behind the proxy either', async () => {
  const request = { body: chatBody('scripted-refuse', 'hi'), headers: { 'x-request-id': 'cpa-refuse' } }
  await expect(ask(request)).rejects.toThrow()
  const record = await endedRecord(upstream, 'cpa-refuse')
  expect(record).toMatchObject({ behaviour: 'refuse', outcome: 'broken', completionTokensGenerated: 0 })
})

describe('models', () => {
  test('are listed as the client of each provider expects', async () => {
    expect(JSON.parse(await list())).toMatchObject({
      object: 'list',
      data: expect.arrayContaining([expect.objectContaining({ id: 'cpa-fast' })]),
    })
    const anthropic = JSON.parse(await list('/cliproxy/v1/models', { 'anthropic-version': '2023-06-01' }))
    expect(anthropic).toMatchObject({ has_more: false, first_id: anthropic.data[0].id, last_id: anthropic.data.at(-1).id })
    const gemini = JSON.parse(await list('/cliproxy/v1beta/models'))
    expect(gemini.models.map((model: { name: string }) => model.name)).toContain('models/cpa-fast')
    expect(JSON.parse(await list('/cliproxy/v1beta/models/cpa-fast'))).toEqual(
      gemini.models.find((model: { name: string }) => model.name === 'models/cpa-fast'),
    )
    expect(JSON.parse(await list('/cliproxy/v1beta/models/gpt-4o'))).toEqual({ error: { message: 'Not Found', type: 'not_found' } })
  })

  test('vanish with their aliases while they are switched off, and come back', async () => {
    expect((await turn({ missing: ['scripted-fast', 'cpa-blank'] })).status).toBe(204)
    for (const path of ['/cliproxy/v1/models', '/cliproxy/v1beta/models'])
      expect(await list(path)).not.toMatch(/"(models\/)?(scripted-fast|cpa-fast|cpa-blank)"/)
    for (const model of ['scripted-fast', 'cpa-fast', 'cpa-blank']) {
      const answer = await chat(model)
      expect(answer.status).toBe(400)
      const message = `unknown provider for model ${model}`
      expect(errorOf(answer)).toEqual({ message, type: 'invalid_request_error', code: 'model_not_found', param: 'model' })
    }
    expect((await chat('scripted-blank')).status).toBe(200)
    await turn({})
    expect((await chat('cpa-fast')).status).toBe(200)
  })

  test('a switch that is none changes nothing', async () => {
    expect((await turn({ down: 'yes' })).status).toBe(400)
    expect((await turn({ gone: [] })).status).toBe(400)
    expect((await chat('scripted-fast')).status).toBe(200)
  })
})

test('while it is down every client route answers 503, and a health check notices nothing', async () => {
  await turn({ down: true })
  const requests: RawRequest[] = [
    { body: chatBody('scripted-fast', 'hi') },
    { body: {} },
    { path: '/cliproxy/v1/models', method: 'GET' },
    { path: '/cliproxy/v1beta/models', method: 'GET' },
  ]
  for (const request of requests) {
    const answer = await ask(request)
    expect(answer.status).toBe(503)
    expect(errorOf(answer)).toMatchObject({ message: expect.stringMatching(/^auth_unavailable: /) })
  }
  expect(await ask({ path: '/cliproxy/healthz', method: 'GET' })).toMatchObject({ status: 200, text: '{"status":"ok"}' })
})

test.each([
  [
    'scripted-cooldown',
    429,
    {
      code: 'model_cooldown',
      message: 'All credentials for model scripted-cooldown are cooling down via provider codex',
      reset_time: '2s',
    },
    '2',
  ],
  ['scripted-cooldown-3700', 429, { reset_seconds: 3_700, reset_time: '1h1m40s', provider: 'codex' }, '3700'],
  ['cpa-cooldown-75', 429, { model: 'cpa-cooldown-75', reset_time: '1m15s' }, '75'],
  [
    'scripted-auth-unavailable',
    503,
    { message: 'auth_unavailable: no auth available (providers=codex, model=scripted-auth-unavailable)' },
    undefined,
  ],
  [
    'scripted-auth-not-found',
    503,
    { message: 'auth_not_found: no auth candidates (providers=codex, model=scripted-auth-not-found)' },
    undefined,
  ],
])('%s fails as the proxy itself does, before any credential is chosen', async (model, status, error, retryAfter) => {
  const answer = await ask({ body: chatBody(model, 'hi'), headers: { 'x-request-id': `fails-${model}` } })
  expect({ status: answer.status, retryAfter: answer.headers['retry-after'] }).toEqual({ status, retryAfter })
  expect(errorOf(answer)).toMatchObject(error)
  expect(answer.headers['x-cpa-trace-id']).toBeUndefined()
  expect(await endedRecord(upstream, `fails-${model}`)).toMatchObject({ model, outcome: 'refused', completionTokensGenerated: 0 })
})

test("clients of Anthropic get Anthropic's envelope, without a code and with the path of the management plane", () => {
  const failure = scriptedFailure('auth-unavailable', 0, 'm', 'claude')
  expect(JSON.parse(renderFailure(failure, true))).toEqual({
    type: 'error',
    error: { type: 'api_error', message: expect.stringMatching(/^auth_unavailable: .*\/v0\/management\/auth-files$/) },
  })
})

describe('keys', () => {
  const bare = { authorization: [] as string[] }

  test.each([
    ['authorization', { authorization: `Bearer ${testKey}` }],
    ['x-api-key', { ...bare, 'x-api-key': testKey }],
    ['x-goog-api-key', { ...bare, 'x-goog-api-key': testKey }],
  ])('the right key is taken in %s', async (name, headers) => {
    const answer = await ask({ body: chatBody('scripted-fast', 'hi'), headers: { ...headers, 'x-request-id': `key-${name}` } })
    expect(answer.status).toBe(200)
    expect((await endedRecord(upstream, `key-${name}`)).headers.authorization).toBe('right')
  })

  test.each([
    ['Invalid API key', { authorization: 'Bearer sk-wrong' }],
    ['Invalid API key', { ...bare, 'x-api-key': 'sk-wrong' }],
    ['Invalid API key', { authorization: 'Bearer sk-scripted-management' }],
    ['Missing API key', bare],
  ])('%s is 401 in the words of the proxy', async (error, headers) => {
    for (const request of [{ body: chatBody('scripted-fast', 'hi') }, { path: '/cliproxy/v1/models', method: 'GET' }])
      expect(await ask({ ...request, headers })).toMatchObject({ status: 401, text: JSON.stringify({ error }) })
  })

  test('a provider that names the key names the one of the account behind', async () => {
    const { status, text } = await chat('scripted-error-401')
    expect(status).toBe(401)
    expect(text).toContain('sk-proj-scripted-codex')
    expect(text).not.toContain(testKey)
  })
})

test('every answer carries the headers of the proxy; a trace differs from request to request', async () => {
  const answers = [
    await chat('scripted-fast'),
    await chat('scripted-error-500'),
    await ask({ body: chatBody('scripted-fast', 'hi', streamed) }),
  ]
  for (const { headers } of [...answers, await chat('scripted-cooldown'), await ask({ path: '/cliproxy/v1/models', method: 'GET' })])
    expect(headers).toMatchObject({
      'x-cpa-version': expect.any(String),
      'x-cpa-commit': expect.any(String),
      'x-cpa-build-date': expect.any(String),
    })
  const traces = answers.map(({ headers }) => headers['x-cpa-trace-id'])
  for (const trace of traces) expect(trace).toMatch(/^\d{14}-[0-9a-f]{16}-[0-9a-f]{8}$/)
  expect(new Set(traces).size).toBe(3)
})

test.each([
  ['x-forwarded-for', { headers: { 'x-forwarded-for': '127.0.0.1' } }],
  ['x-management-key', { headers: { 'x-management-key': 'sk-scripted-management' } }],
  ['authorization', { headers: { 'x-api-key': testKey } }],
  ['x-management-key', { path: '/openai/v1/chat/completions', headers: { 'x-management-key': 'sk-scripted-management' } }],
  ['query', { path: '/cliproxy/v1/chat/completions?count=5' }],
  ['query', { path: `/cliproxy/v1/chat/completions?key=${testKey}` }],
] satisfies [string, RawRequest][])('%s is a leak', async (leak, request: RawRequest) => {
  const id = `cpa-leak-${JSON.stringify(request)}`
  const answer = await ask({ body: chatBody('scripted-fast', 'hi'), ...request, headers: { ...request.headers, 'x-request-id': id } })
  expect(answer.status).toBe(400)
  expect(errorOf(answer)).toMatchObject({ code: 'relay_leak', param: leak })
  expect(await endedRecord(upstream, id)).toMatchObject({ leaks: [leak], outcome: 'refused' })
})

test.each([
  ['GET', '/v1/chat/completions'],
  ['POST', '/v1/models'],
  ['GET', '/v1/models/scripted-fast'],
  ['POST', '/v1/audio/speech'],
])('%s %s is not there', async (method, path) => {
  expect(await ask({ method, path: `/cliproxy${path}` })).toMatchObject({ status: 404, text: '' })
})

test('what names no model or is no JSON is refused by the provider', async () => {
  expect(errorOf(await ask({ body: {} }))).toMatchObject({ message: 'you must provide a model parameter' })
  expect((await ask({ body: '{' })).status).toBe(400)
  expect(errorOf(await ask({ body: { ...chatBody('cpa-fast', 'hi'), top_k: 1 } }))).toMatchObject({ code: 'unknown_parameter' })
})
