import { afterAll, beforeAll, expect, test } from 'vitest'
import { messageBody } from './anthropic/test-client.ts'
import { generatePath, userText } from './gemini/gemini-client.ts'
import { redirectStatuses } from './redirects.ts'
import { startUpstream, type Upstream } from './server.ts'
import { chatBody, endedRecord, type RawAnswer, type RawRequest, send, testKey } from './test-client.ts'

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream({ port: 0 })
})
afterAll(() => upstream.close())

const own = { authorization: 'Bearer sk-own-Redirect1' }
const told = ({ status, headers }: RawAnswer): unknown => ({ status, location: headers.location })

test.each(redirectStatuses)('everything under /redirecting/%i is sent on, and whoever follows is recorded', async (status) => {
  const list = { path: `/redirecting/${status}/v1/models`, method: 'GET' }
  const chat = { path: `/redirecting/${status}/v1/chat/completions`, body: chatBody('scripted-fast', 'hi') }
  for (const request of [list, chat])
    expect(told(await send(upstream.url, { ...request, credentials: own }))).toEqual({ status, location: `/redirected${request.path}` })
  // A client that follows, as `fetch` does unless it is told not to.
  const headers = { ...own, 'x-request-id': `follows-${status}` }
  await fetch(`${upstream.url}${chat.path}`, { method: 'POST', headers, body: '{}' })
  expect(upstream.records({ relayRequestId: `follows-${status}` })).toMatchObject([
    { status, outcome: 'refused', leaks: [] },
    { path: `/redirected${chat.path}`, status: 400, keyOwner: 'customer', leaks: ['redirect'] },
  ])
})

test("the platform's key is a leak there, and any other status is none", async () => {
  const request = { path: '/redirecting/307/v1/models', method: 'GET', headers: { 'x-request-id': 'ours' } }
  expect((await send(upstream.url, request)).status).toBe(400)
  expect(await endedRecord(upstream, 'ours')).toMatchObject({ keyOwner: 'platform', leaks: ['platform-key'] })
  expect((await send(upstream.url, { path: '/redirecting/200/v1', credentials: own })).status).toBe(404)
})

test.each([
  ['openai', { path: '/openai/v1/chat/completions', body: chatBody('scripted-redirect', 'hi', { stream: true }) }, 307],
  [
    'anthropic',
    {
      path: '/anthropic/v1/messages',
      body: messageBody('scripted-redirect-302', 'hi'),
      credentials: { 'x-api-key': testKey, 'anthropic-version': '2023-06-01' },
    },
    302,
  ],
  ['gemini', { path: generatePath('scripted-redirect-308', 'sse'), body: userText('hi'), credentials: { 'x-goog-api-key': testKey } }, 308],
] satisfies [string, RawRequest, number][])(
  'the model scripted-redirect of %s sends on as well',
  async (name, request: RawRequest, status) => {
    const answer = await send(upstream.url, { ...request, headers: { 'x-request-id': `model-${name}` } })
    expect(told(answer)).toEqual({ status, location: `/redirected${request.path?.split('?')[0]}` })
    expect(await endedRecord(upstream, `model-${name}`)).toMatchObject({
      behaviour: 'redirect',
      outcome: 'refused',
      completionTokensSent: 0,
    })
  },
)

test('a status that is no redirect is no model', async () => {
  expect((await send(upstream.url, { body: chatBody('scripted-redirect-200', 'hi') })).status).toBe(404)
})
