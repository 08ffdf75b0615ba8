import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { messageBody } from './anthropic/test-client.ts'
import { generatePath, userText } from './gemini/gemini-client.ts'
import { startUpstream, type TruthRecord, type Upstream } from './server.ts'
import { chatBody, endedRecord, type RawAnswer, type RawRequest, send, testKey } from './test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

type Peer = { name: string; give(key: string): Record<string, string>; models: string; work: RawRequest }

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })
const peers: Peer[] = [
  {
    name: 'openai',
    give: bearer,
    models: '/openai/v1/models',
    work: { path: '/openai/v1/chat/completions', body: chatBody('scripted-fast', 'hi') },
  },
  {
    name: 'anthropic',
    give: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
    models: '/anthropic/v1/models',
    work: { path: '/anthropic/v1/messages', body: messageBody('scripted-fast', 'hi') },
  },
  {
    name: 'gemini',
    give: (key) => ({ 'x-goog-api-key': key }),
    models: '/gemini/v1beta/models',
    work: { path: generatePath('scripted-fast', 'body'), body: userText('hi') },
  },
  {
    name: 'compatible',
    give: bearer,
    models: '/compatible/v1/models',
    work: { path: '/compatible/v1/chat/completions', body: chatBody('scripted-fast', 'hi') },
  },
]
const listModels = ({ models }: Peer): RawRequest => ({ path: models, method: 'GET' })
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')

let asked = 0

/** One request with this key, and what the log says of it. */
async function ask(request: RawRequest, credentials: Record<string, string>): Promise<{ answer: RawAnswer; record: TruthRecord }> {
  asked += 1
  const id = `own-${asked}`
  const answer = await send(upstream.url, { ...request, credentials, headers: { 'x-request-id': id } })
  return { answer, record: await endedRecord(upstream, id) }
}

async function register(key: string, as: unknown): Promise<number> {
  return (await send(upstream.url, { path: `/_truth/keys/${key}`, method: 'PUT', credentials: {}, body: as })).status
}

describe.each(peers)('$name', (peer) => {
  const both = [peer.work, listModels(peer)]

  test.each(['sk-own-ByHand01', 'AIza_registered.key-1'])("serves a customer's key %s, and the record tells which it was", async (key) => {
    if (!key.startsWith('sk-own-')) expect(await register(key, { state: 'active' })).toBe(204)
    for (const request of both) {
      const { answer, record } = await ask(request, peer.give(key))
      expect(answer.status).toBe(200)
      expect(record).toMatchObject({ keyOwner: 'customer', keyHash: hashOf(key), leaks: [], headers: { authorization: 'right' } })
      expect(JSON.stringify(record)).not.toContain(key)
    }
  })

  test.each(['sk-own-short', 'sk-own-With-dash1', 'sk-owned-ByHand01', ' '])('refuses %j, which nobody has', async (key) => {
    for (const request of both) {
      const { answer, record } = await ask(request, peer.give(key))
      expect([400, 401, 403]).toContain(answer.status)
      expect(record).toMatchObject({ keyOwner: null, outcome: 'refused', leaks: [], headers: { authorization: 'wrong' } })
    }
  })

  test('refuses a revoked key, and takes it back', async () => {
    const key = `sk-own-Revoked0${peer.name}`
    expect(await register(key, { state: 'revoked' })).toBe(204)
    for (const request of both) {
      const { answer, record } = await ask(request, peer.give(key))
      expect(answer.status).toBe(peer.name === 'gemini' ? 400 : 401)
      expect(record).toMatchObject({ keyOwner: 'customer', keyHash: hashOf(key), outcome: 'refused', headers: { authorization: 'wrong' } })
    }
    await register(key, { state: 'active' })
    expect((await ask(peer.work, peer.give(key))).answer.status).toBe(200)
  })

  test('holds back a rate-limited key', async () => {
    const key = `sk-own-Limited0${peer.name}`
    await register(key, { state: 'rate_limited', retryAfterSeconds: 7 })
    for (const request of both) {
      const { answer, record } = await ask(request, peer.give(key))
      expect({ status: answer.status, retryAfter: answer.headers['retry-after'] }).toEqual({ status: 429, retryAfter: '7' })
      expect(record).toMatchObject({ keyOwner: 'customer', keyHash: hashOf(key), headers: { authorization: 'right' } })
    }
  })

  test("records a key that is meant for another provider as a leak, and serves that provider's", async () => {
    for (const { name } of peers) {
      const key = `sk-own-OnlyFor0${name}`
      await register(key, { state: 'active', provider: name })
      const { answer, record } = await ask(peer.work, peer.give(key))
      expect(answer.status).toBe(name === peer.name ? 200 : 400)
      expect(record.leaks).toEqual(name === peer.name ? [] : ['customer-key'])
    }
  })

  test("knows the platform's key for what it is", async () => {
    const { answer, record } = await ask(peer.work, peer.give(testKey))
    const isOurs = peer.name !== 'compatible'
    expect(answer.status).toBe(isOurs ? 200 : 400)
    expect(record).toMatchObject({ keyOwner: 'platform', keyHash: null, leaks: isOurs ? [] : ['platform-key'] })
  })
})

// status, what the envelope holds
test.each([
  ['openai', 401, { error: { type: 'invalid_request_error', code: 'invalid_api_key', message: /^Incorrect API key provided: sk-own-/ } }],
  ['anthropic', 401, { type: 'error', error: { type: 'authentication_error', message: /^invalid x-api-key$/ } }],
  ['gemini', 400, { error: { code: 400, status: 'INVALID_ARGUMENT', message: /^API key not valid\. / } }],
] as const)('%s refuses a revoked key in its own envelope', async (name, status, { error, ...rest }) => {
  const peer = peers.find((one) => one.name === name)
  if (!peer) throw new Error(`no peer ${name}`)
  await register('sk-own-Envelope1', { state: 'revoked' })
  const { answer } = await ask(listModels(peer), peer.give('sk-own-Envelope1'))
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text)).toMatchObject({ ...rest, error: { ...error, message: expect.stringMatching(error.message) } })
})

test.each(['authorization', 'x-api-key', 'x-goog-api-key'])("a customer's key at a CLIProxyAPI is a leak, in %s", async (header) => {
  const key = 'sk-own-NotHere01'
  const value = header === 'authorization' ? `Bearer ${key}` : key
  for (const request of [
    { path: '/cliproxy/v1/chat/completions', body: chatBody('cpa-fast', 'hi') },
    { path: '/cliproxy/v1/models', method: 'GET' },
  ]) {
    const { answer, record } = await ask(request, { [header]: value })
    expect(answer.status).toBe(400)
    expect(record).toMatchObject({ keyOwner: 'customer', keyHash: hashOf(key), leaks: ['customer-key'], completionTokensGenerated: 0 })
  }
})

test('what one account stored, another cannot continue', async () => {
  const respond = async (key: string, more: Record<string, unknown> = {}): Promise<RawAnswer> =>
    (await ask({ path: '/openai/v1/responses', body: { model: 'scripted-fast', input: 'hi', ...more } }, bearer(key))).answer
  const { id } = JSON.parse((await respond('sk-own-AccountA')).text)
  expect((await respond('sk-own-AccountA', { previous_response_id: id })).status).toBe(200)
  for (const key of ['sk-own-AccountB', testKey])
    expect((await respond(key, { previous_response_id: id })).text).toContain('previous_response_not_found')
})

test('an answer that names the key names the one that came', async () => {
  const request = { path: '/openai/v1/chat/completions', body: chatBody('scripted-error-401', 'hi') }
  expect((await ask(request, bearer('sk-own-Spoken001'))).answer.text).toContain('sk-own-Spoken001')
})

test('a compatible provider makes embeddings too', async () => {
  const embed = { path: '/compatible/v1/embeddings', body: { model: 'scripted-embedding', input: 'hi', dimensions: 4 } }
  const { answer } = await ask(embed, bearer('sk-own-Compatible1'))
  expect(JSON.parse(answer.text)).toMatchObject({ object: 'list', data: [{ object: 'embedding' }] })
})

test('the log is filtered by the hash of a key, which clearing does not forget', async () => {
  const key = 'registered-for-log'
  await register(key, { state: 'active' })
  await ask({ path: '/openai/v1/models', method: 'GET' }, bearer(key))
  const { text } = await send(upstream.url, { path: `/_truth/requests?keyHash=${hashOf(key)}`, method: 'GET' })
  expect(JSON.parse(text).requests).toMatchObject([{ path: '/openai/v1/models', keyOwner: 'customer' }])
  upstream.clear()
  expect(upstream.records({ keyHash: hashOf(key) })).toEqual([])
  expect((await ask({ path: '/openai/v1/models', method: 'GET' }, bearer(key))).answer.status).toBe(200)
})

test.each([[{}], [{ state: 'gone' }], [{ state: 'active', provider: 'cliproxy' }], [{ state: 'active', since: 1 }], ['no JSON']])(
  '%j registers nothing',
  async (as) => {
    expect(await register('never-registered', as)).toBe(400)
    expect((await ask({ path: '/openai/v1/models', method: 'GET' }, bearer('never-registered'))).answer.status).toBe(401)
  },
)
