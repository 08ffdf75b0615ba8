import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '../server.ts'
import { chatBody, endedRecord, type RawAnswer, type RawRequest, send, testKey } from '../test-client.ts'
import { isManagement, managementKey } from './management.ts'

let upstream: Upstream

beforeEach(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterEach(() => upstream.close())

const byBearer = { authorization: `Bearer ${managementKey}` }
const manage = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
  const request = { method, path: `/cliproxy/v0/management${path}`, headers: byBearer, ...(body === undefined ? {} : { body }) }
  const { status, text } = await send(upstream.url, request)
  return { status, body: text === '' ? '' : JSON.parse(text) }
}
const chat = (headers: RawRequest['headers'] = {}): Promise<RawAnswer> =>
  send(upstream.url, { path: '/cliproxy/v1/chat/completions', body: chatBody('cpa-fast', 'hi [tokens=3]'), headers })

describe('every request to the plane is recorded as one', () => {
  test.each([
    ['GET', '/v0/management/config', 401],
    ['POST', '/v0/management/api-call', 401],
    ['DELETE', '/v0/management', 404],
    ['GET', '/v0%2Fmanagement%2Fconfig', 401],
    ['GET', '/v0/%6danagement/config', 401],
    ['GET', '/v0/%256danagement/config', 404],
    ['GET', '//v0/management/config', 404],
    ['GET', '/v0//management/config', 404],
    ['GET', '/V0/Management/config', 404],
    ['GET', '/v0%5Cmanagement/config', 404],
    ['GET', '/v8/management/requests', 404],
    ['GET', '/management.html', 404],
    ['GET', '/keep-alive', 404],
    ['GET', '/codex/callback', 404],
    ['GET', '/healthz', 200],
    ['GET', '/v0/management/auth-files/download?name=a.json', 400],
  ])('%s %s', async (method, path, status) => {
    const answer = await send(upstream.url, { method, path: `/cliproxy${path}`, headers: { 'x-request-id': 'plane' } })
    expect(answer.status).toBe(status)
    expect(await endedRecord(upstream, 'plane')).toMatchObject({ behaviour: 'management', status })
  })

  test('with a leak too', async () => {
    const headers = { ...byBearer, 'x-forwarded-for': '127.0.0.1', 'x-request-id': 'spoof' }
    const answer = await send(upstream.url, { method: 'GET', path: '/cliproxy/v0/management/config', headers })
    expect(answer.status).toBe(400)
    expect(await endedRecord(upstream, 'spoof')).toMatchObject({ behaviour: 'management', leaks: ['x-forwarded-for'] })
  })

  test('and nothing else is', async () => {
    await chat({ 'x-request-id': 'client' })
    await send(upstream.url, { method: 'GET', path: '/cliproxy/v0/managements', headers: { 'x-request-id': 'near' } })
    expect((await endedRecord(upstream, 'client')).behaviour).toBe('fast')
    expect((await endedRecord(upstream, 'near')).behaviour).toBeNull()
  })
})

// Clients resolve dots themselves, so these do not come through one.
test.each([
  ['/v1/../v0/management/config', true],
  ['/v1/%2e%2e/v0/management', true],
  ['/./%76%30/%4dANAGEMENT', true],
  ['/v1\\..\\v0\\management', true],
  ['/v0/management/%ff%', true],
  ['/v1/v0/management', false],
  ['/v1/chat/completions', false],
  ['/v1beta/models/healthz', false],
])('%s is the plane: %s', (path, expected) => {
  expect(isManagement(path)).toBe(expected)
})

test.each([
  ['missing management key', { authorization: [] }],
  ['invalid management key', { authorization: `Bearer ${testKey}` }],
  ['invalid management key', { authorization: [], 'x-management-key': 'sk-wrong' }],
])('%s is 401 and shows nothing', async (error, headers) => {
  const answer = await send(upstream.url, { method: 'GET', path: '/cliproxy/v0/management/config', headers })
  expect(answer).toMatchObject({ status: 401, text: JSON.stringify({ error }) })
})

test('the key may stand in its own header, and is never recorded', async () => {
  const headers = { authorization: [], 'x-management-key': managementKey, 'x-request-id': 'own-header' }
  expect((await send(upstream.url, { method: 'GET', path: '/cliproxy/v0/management/config', headers })).status).toBe(200)
  const record = await endedRecord(upstream, 'own-header')
  expect(record.headers.authorization).toBe('right')
  expect(JSON.stringify(record)).not.toContain(managementKey)
})

test('answers hold keys in clear', async () => {
  const config = JSON.stringify(await manage('GET', '/config'))
  for (const key of [testKey, 'sk-proj-scripted-codex', 'sk-ant-scripted-claude', 'AIza-scripted-gemini']) expect(config).toContain(key)
  expect(await manage('GET', '/auth-files')).toMatchObject({ body: { files: [{ account: 'sk-proj-scripted-codex' }, {}, {}] } })
  expect(await manage('GET', '/latest-version')).toEqual({ status: 200, body: { 'latest-version': expect.stringMatching(/^v\d/) } })
})

test('an account that is disabled serves no request until it is enabled again', async () => {
  const [{ name }] = ((await manage('GET', '/auth-files')).body as { files: [{ name: string }] }).files
  expect(await manage('PATCH', '/auth-files/status', { name, disabled: true })).toEqual({
    status: 200,
    body: { status: 'ok', disabled: true },
  })
  expect(await manage('GET', '/auth-files')).toMatchObject({ body: { files: [{ name, disabled: true, status: 'disabled' }, {}, {}] } })
  expect((await chat()).status).toBe(503)
  await manage('PATCH', '/auth-files/status', { name, disabled: false })
  expect((await chat()).status).toBe(200)
  expect((await manage('PATCH', '/auth-files/status', { name: 'other.json', disabled: true })).status).toBe(404)
  expect((await manage('PATCH', '/auth-files/status', { name })).status).toBe(400)
})

test('the usage queue tells each request once, with both names of the model and the key of the client', async () => {
  await chat({ 'x-request-id': 'first' })
  const { headers } = await chat({ 'x-request-id': 'second' })
  await endedRecord(upstream, 'second')
  const first = await manage('GET', '/usage-queue')
  expect(first.body).toMatchObject([
    { model: 'scripted-fast', alias: 'cpa-fast', failed: false, api_key: testKey, endpoint: 'POST /v1/chat/completions' },
  ])
  const [second] = (await manage('GET', '/usage-queue?count=10')).body as [{ request_id: string; tokens: unknown }]
  expect(headers['x-cpa-trace-id']).toMatch(new RegExp(`-${second.request_id}$`))
  expect(second.tokens).toMatchObject({ input_tokens: 5, output_tokens: 3, reasoning_tokens: 0, total_tokens: 8 })
  expect((await manage('GET', '/usage-queue?count=10')).body).toEqual([])
  expect((await manage('GET', '/usage-queue?count=0')).status).toBe(400)
})

test('usage by key counts what the account served, under the key in clear', async () => {
  await chat({ 'x-request-id': 'counted' })
  await endedRecord(upstream, 'counted')
  const { body } = await manage('GET', '/api-key-usage')
  const usage = { success: 1, failed: 0, recent_requests: expect.any(Array) }
  expect(body).toMatchObject({ codex: { 'https://api.openai.com/v1|sk-proj-scripted-codex': usage } })
})

test('client keys can be replaced and changed one by one', async () => {
  const statuses = async (): Promise<number[]> =>
    Promise.all([testKey, 'sk-a', 'sk-b'].map(async (key) => (await chat({ authorization: `Bearer ${key}` })).status))
  expect((await manage('PATCH', '/api-keys', { old: 'sk-none', new: 'sk-a' })).body).toEqual({ status: 'ok' })
  expect(await statuses()).toEqual([200, 200, 401])
  await manage('PUT', '/api-keys', { items: ['sk-a'] })
  expect(await statuses()).toEqual([401, 200, 401])
  await manage('PATCH', '/api-keys', { index: 0, value: 'sk-b' })
  expect(await statuses()).toEqual([401, 401, 200])
  expect(await manage('GET', '/api-keys')).toEqual({ status: 200, body: { 'api-keys': ['sk-b'] } })
  expect((await manage('PATCH', '/api-keys', { index: 7, value: 'x' })).status).toBe(400)
  expect((await manage('PUT', '/api-keys', { value: 'x' })).status).toBe(400)
})

test('a quota is reset for an account that is there', async () => {
  const auth_index = '0a11ce5c0de00001'
  expect(await manage('POST', '/reset-quota', { auth_index })).toEqual({ status: 200, body: { status: 'ok', auth_index, models: [] } })
  expect((await manage('POST', '/reset-quota', { auth_index: 'other' })).status).toBe(404)
  expect((await manage('POST', '/reset-quota', {})).status).toBe(400)
})

test.each([
  ['POST', '/config'],
  ['GET', '/config.yaml'],
  ['POST', '/api-call'],
  ['GET', '/constructor'],
])('with the key, %s %s is not there', async (method, path) => {
  expect(await manage(method, path)).toEqual({ status: 404, body: '' })
})
