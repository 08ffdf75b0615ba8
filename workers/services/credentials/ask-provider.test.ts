import { afterAll, beforeAll, test } from 'vitest'
import type { Family } from '#shared/contracts/dialect.ts'
import { askProvider } from './ask-provider.ts'
import { type ProviderAnswer, type Providers, startProviders } from './testing/providers.ts'

let providers: Providers
beforeAll(async () => {
  providers = await startProviders()
})
afterAll(() => providers.stop())

const gemini = '{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}'
const xai = '{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***ey."}'
const elsewhere = '{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}'

test.for<[string, ProviderAnswer, 'accepted' | 'refused' | 'unreachable']>([
  ['a list', { status: 200 }, 'accepted'],
  ['a page for people', { status: 200, headers: { 'content-type': 'text/html' } }, 'unreachable'],
  ['401', { status: 401 }, 'refused'],
  ['403', { status: 403 }, 'refused'],
  ["Gemini's 400 about the key", { status: 400, body: gemini }, 'refused'],
  ["xAI's 400 about the key", { status: 400, body: xai }, 'refused'],
  ['a 400 about something else', { status: 400, body: elsewhere }, 'unreachable'],
  ['a 400 too long to read', { status: 400, body: gemini.padEnd(20_000) }, 'unreachable'],
  ['no such list', { status: 404 }, 'unreachable'],
  ['too many requests', { status: 429 }, 'unreachable'],
  ['a fault', { status: 503 }, 'unreachable'],
])('a provider that answers with %s: %o', async ([name, answer, outcome], { expect }) => {
  const key = `key-${name.replaceAll(/\W/g, '-')}`
  providers.answers.set(key, answer)
  const location = { modelsUrl: `${providers.url}/v1/models`, family: 'openai', baseUrl: null } as const
  expect(await askProvider(location, key)).toEqual({ outcome, status: answer.status })
})

test('a redirect is not followed, so the key reaches nobody else', async ({ expect }) => {
  providers.answers.set('key-moved', { status: 302, headers: { location: `${providers.url}/elsewhere` } })
  const location = { modelsUrl: `${providers.url}/moved`, family: 'openai', baseUrl: null } as const
  expect(await askProvider(location, 'key-moved')).toEqual({ outcome: 'unreachable', status: 302 })
  expect(providers.asked.filter(({ key }) => key === 'key-moved')).toHaveLength(1)
})

test('a provider that hangs up, or is not there, has no status', async ({ expect }) => {
  providers.answers.set('key-cut', { status: 0 })
  for (const modelsUrl of [providers.url, 'http://127.0.0.1:1'])
    expect(await askProvider({ modelsUrl, family: 'openai', baseUrl: null }, 'key-cut')).toEqual({ outcome: 'unreachable', status: null })
})

test.for<[Family, Record<string, string>]>([
  ['openai', { authorization: 'Bearer key-a' }],
  ['anthropic', { 'x-api-key': 'key-a', 'anthropic-version': '2023-06-01' }],
  ['gemini', { 'x-goog-api-key': 'key-a' }],
])('%s takes a key in its own header and no other', async ([family, headers], { expect }) => {
  await askProvider({ modelsUrl: `${providers.url}/list`, family, baseUrl: null }, 'key-a')
  const sent = providers.asked.at(-1)
  expect(sent).toMatchObject({ method: 'GET', path: '/list', headers })
  expect(Object.values(sent?.headers ?? {}).filter((value) => value?.includes('key-a'))).toHaveLength(1)
})
