import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { ApiProblem, createApiClient } from './client.ts'
import { operations } from './index.ts'
import { operation } from './operation.ts'

const create = operation({
  id: 'things.create',
  method: 'POST',
  path: '/api/organizations/:organizationId/things',
  access: 'keys.create',
  summary: 'Makes a thing',
  body: z.strictObject({ name: z.string() }),
  answer: z.object({ thingId: z.string(), at: z.string().transform((text) => text.length) }),
  status: 201,
})
const remove = operation({
  id: 'things.remove',
  method: 'DELETE',
  path: '/api/organizations/:organizationId/keys/:keyId',
  access: 'keys.revoke',
  summary: 'Removes a thing',
})
const list = operation({
  id: 'things.list',
  method: 'GET',
  path: '/api/things',
  access: 'person',
  summary: 'Things',
  query: z.strictObject({ limit: z.coerce.number().optional(), word: z.string().optional() }),
  answer: z.object({ data: z.array(z.string()) }),
})

/** A far side that gives these answers in turn, and the requests that came. */
function farSide(...answers: [number, unknown][]) {
  const sent: { method: string; url: string; headers: Headers; body: unknown }[] = []
  const send: typeof fetch = async (input, init) => {
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined
    sent.push({ method: init?.method ?? 'GET', url: String(input), headers: new Headers(init?.headers as Record<string, string>), body })
    const [status, content] = answers.shift() ?? [500, 'gone']
    return new Response(content === undefined ? null : JSON.stringify(content), { status })
  }
  return { sent, fetch: send }
}

const baseUrl = 'https://api.test'
const problem = (status: number, code: string) => ({ type: 'urn:x', title: 't', status, detail: 'd', code, requestId: 'req_a' })
const signedOut: [number, unknown] = [401, problem(401, 'unauthenticated')]

test('a call puts everything in its place and parses the answer', async () => {
  const { sent, fetch } = farSide([201, { thingId: 'x', at: 'now', more: 1 }], [204, undefined], [200, { data: [] }])
  const client = createApiClient({ baseUrl, fetch, headers: { authorization: 'Bearer rrm_x' } })
  const made = await client.call(create, { params: { organizationId: 'org/a' }, body: { name: 'n' }, headers: { 'idempotency-key': 'k' } })
  expect(made).toEqual({ thingId: 'x', at: 3 })
  expect(await client.call(remove, { params: { organizationId: 'org_a', keyId: 'key_a' } })).toBeUndefined()
  expect(await client.call(list, { query: { limit: 5, word: undefined } })).toEqual({ data: [] })
  expect(sent.map(({ method, url, body }) => [method, url, body])).toEqual([
    ['POST', `${baseUrl}/api/organizations/org%2Fa/things`, { name: 'n' }],
    ['DELETE', `${baseUrl}/api/organizations/org_a/keys/key_a`, undefined],
    ['GET', `${baseUrl}/api/things?limit=5`, undefined],
  ])
  expect(Object.fromEntries(sent[0]?.headers ?? [])).toEqual({
    authorization: 'Bearer rrm_x',
    'content-type': 'application/json',
    'idempotency-key': 'k',
  })
})

test('the types are those of the operation', () => {
  const client = createApiClient({ baseUrl, fetch: farSide().fetch })
  type Made = Awaited<ReturnType<typeof client.call<typeof create>>>
  expectTypeOf<Made>().toEqualTypeOf<{ thingId: string; at: number }>()
  expectTypeOf<Parameters<typeof client.call<typeof list>>[1]>().toEqualTypeOf<Parameters<typeof client.open<typeof list>>[1]>()
  const wrong = [
    // @ts-expect-error: the path has a parameter
    () => client.call(operations.organizations.read),
    // @ts-expect-error: and it is of this name
    () => client.call(operations.organizations.read, { params: { keyId: 'key_a' } }),
    // @ts-expect-error: there is nothing to read a body
    () => client.call(remove, { params: { organizationId: 'org_a', keyId: 'key_a' }, body: {} }),
    // @ts-expect-error: the body has a name
    () => client.call(create, { params: { organizationId: 'org_a' }, body: {} }),
  ]
  expect(wrong).toHaveLength(4)
})

describe('a bad end', () => {
  test('is a problem with what the API told of it', async () => {
    const errors = [{ pointer: '#/name', detail: 'is missing' }]
    const { fetch } = farSide([400, { ...problem(400, 'invalid_request'), errors }])
    const failed = createApiClient({ baseUrl, fetch }).call(list)
    await expect(failed).rejects.toBeInstanceOf(ApiProblem)
    await expect(failed).rejects.toMatchObject({ status: 400, code: 'invalid_request', detail: 'd', errors, requestId: 'req_a' })
  })

  test('is a problem also when it does not come from the API, and no answer at all rises as it is', async () => {
    const { fetch } = farSide([502, '<html>'])
    await expect(createApiClient({ baseUrl, fetch }).call(list)).rejects.toMatchObject({ status: 502, code: 'unreadable', requestId: null })
    const gone = () => Promise.reject(new TypeError('fetch failed'))
    await expect(createApiClient({ baseUrl, fetch: gone }).call(list)).rejects.toThrow(TypeError)
  })
})

describe('a session that has run out', () => {
  test('is refreshed once for all requests that wait for it, and they are sent again', async () => {
    const { sent, fetch } = farSide(signedOut, signedOut, [200, {}], [200, { data: ['a'] }], [200, { data: ['b'] }])
    const client = createApiClient({ baseUrl, fetch, refresh: true })
    expect(await Promise.all([client.call(list), client.call(list)])).toEqual([{ data: ['a'] }, { data: ['b'] }])
    expect(sent.map(({ method, url }) => `${method} ${url.replace(baseUrl, '')}`)).toEqual([
      'GET /api/things',
      'GET /api/things',
      'POST /api/auth/refresh',
      'GET /api/things',
      'GET /api/things',
    ])
  })

  test('that cannot be refreshed, or is refused again, is told once; without the option nothing is refreshed', async () => {
    const refused = farSide(signedOut, [401, problem(401, 'unauthenticated')])
    await expect(createApiClient({ baseUrl, fetch: refused.fetch, refresh: true }).call(list)).rejects.toMatchObject({ status: 401 })
    expect(refused.sent).toHaveLength(2)
    const again = farSide(signedOut, [200, {}], signedOut)
    await expect(createApiClient({ baseUrl, fetch: again.fetch, refresh: true }).call(list)).rejects.toMatchObject({ status: 401 })
    expect(again.sent).toHaveLength(3)
    const scripted = farSide(signedOut)
    await expect(createApiClient({ baseUrl, fetch: scripted.fetch }).call(list)).rejects.toMatchObject({ status: 401 })
    expect(scripted.sent).toHaveLength(1)
  })

  test('is not refreshed when the sign-in itself failed', async () => {
    const { sent, fetch } = farSide([401, problem(401, 'sign_in_failed')])
    await expect(createApiClient({ baseUrl, fetch, refresh: true }).call(list)).rejects.toMatchObject({ code: 'sign_in_failed' })
    expect(sent).toHaveLength(1)
  })
})
