import { request as openRequest } from 'node:http'
import { describe, expect, inject, test } from 'vitest'
import { KeyStatus } from '#shared/contracts/key-status.ts'
import { generateApiKey, hashApiKey } from '#shared/values/api-key.ts'
import { unpricedModel } from './catalogue.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectSoundBooks } from './invariants.ts'

describe.concurrent('the edge', () => {
  test('lists the models that are for sale and no others', async () => {
    const customer = await newCustomer()
    const listed: string[] = []
    for await (const model of customer.openai().models.list()) listed.push(model.id)
    for (const prefix of ['gpt-', 'claude-', 'gemini-'])
      expect(
        listed.some((id) => id.startsWith(prefix)),
        prefix,
      ).toBe(true)
    expect(listed).not.toContain(unpricedModel)
    const refused = await customer.chat('', { model: unpricedModel })
    expect([refused.status, await refused.json()]).toMatchObject([404, { error: { code: 'model_not_found', param: 'model' } }])
  })

  test('tells a key what it has left', async () => {
    const customer = await newCustomer({ creditNanos: 2_000_000_000, limits: { requestsPerMinute: 5, concurrency: 3 } })
    await customer.chat('fast')
    const { records } = await expectSoundBooks(customer)
    const availableNanos = 2_000_000_000 - (records[0]?.costNanos ?? 0)
    const status = KeyStatus.parse(await (await customer.send('/v1/key')).json())
    expect(status).toMatchObject({ id: customer.keyId, credit: { availableNanos, heldNanos: 0, unconfirmedNanos: 0 } })
    expect(status.limits).toMatchObject({ requestsPerMinute: { limit: 5, remaining: 4 }, concurrency: { limit: 3, remaining: 3 } })
  })

  test('says that it lives, to anybody', async () => {
    const response = await fetch(`${inject('stack').proxyUrl}/healthz`)
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
  })

  test('takes a key from each header that a client family uses', async () => {
    const { apiKey } = await newCustomer()
    const accepted: Record<string, string>[] = [
      { authorization: `Bearer ${apiKey}` },
      { authorization: `bearer ${apiKey}` },
      { 'x-api-key': apiKey },
      { 'x-goog-api-key': apiKey },
      { authorization: `Bearer ${apiKey}`, 'x-api-key': apiKey },
    ]
    for (const headers of accepted) expect((await ask('/v1/key', { headers })).status, Object.keys(headers).join()).toBe(200)
  })

  test('refuses every other way to present a key with 401, and says nothing of the key', async () => {
    const [customer, other] = await Promise.all([newCustomer(), newCustomer()])
    for (const { headers, query, code } of await refusedKeys(customer, other)) {
      const response = await ask(`/v1/models${query ?? ''}`, { headers })
      const text = await response.text()
      expect([response.status, response.headers.get('x-relay-error')], JSON.stringify(headers).slice(0, 100)).toEqual([401, code])
      expect(text).not.toContain(customer.apiKey)
      expect(response.headers.get('x-should-retry')).toBe('false')
    }
  })

  test('answers 405 and names the method where another one is meant', async () => {
    const customer = await newCustomer()
    const wrong = [
      ['GET', '/v1/chat/completions', 'POST'],
      ['PUT', '/v1/chat/completions', 'POST'],
      ['DELETE', '/v1/chat/completions', 'POST'],
      ['TRACE', '/v1/chat/completions', 'POST'],
      ['POST', '/v1/models', 'GET'],
      ['PATCH', '/v1/key', 'GET'],
    ] as const
    for (const [method, path, allowed] of wrong) {
      const answer = await raw(method, path, customer.apiKey)
      expect([answer.status, answer.allow], `${method} ${path}`).toEqual([405, allowed])
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'method_not_allowed' } })
    }
  })

  test('does not let a header override the method or the path', async () => {
    const customer = await newCustomer()
    const headers = { 'x-http-method-override': 'DELETE', 'x-original-url': '/v0/management', 'x-rewrite-url': '/v0/management' }
    expect((await customer.send('/v1/models', { headers })).status).toBe(200)
  })
})

async function refusedKeys(customer: Customer, other: Customer) {
  const { apiKey } = customer
  const invalid = ['Basic dXNlcjpwYXNz', 'Bearer', `Bearer ${apiKey} ${apiKey}`, `Bearer ${'x'.repeat(10_000)}`, "Bearer ' or 1=1 --"]
  const forged = [
    `${apiKey.slice(0, -1)}${apiKey.endsWith('0') ? '1' : '0'}`,
    await hashApiKey(apiKey),
    generateApiKey(),
    apiKey.toUpperCase(),
  ]
  const refused: { headers: Record<string, string>; query?: string; code: string }[] = [
    { headers: {}, code: 'missing_api_key' },
    { headers: { 'x-api-key': '' }, code: 'missing_api_key' },
    { headers: { authorization: `Bearer ${apiKey}`, 'x-api-key': other.apiKey }, code: 'conflicting_api_keys' },
    { headers: { 'x-goog-api-key': apiKey, 'x-api-key': other.apiKey }, code: 'conflicting_api_keys' },
    { headers: { 'x-api-key': `${apiKey}, ${other.apiKey}` }, code: 'invalid_api_key' },
    ...[...invalid, ...forged.map((key) => `Bearer ${key}`)].map((authorization) => ({
      headers: { authorization },
      code: 'invalid_api_key',
    })),
  ]
  for (const name of ['key', 'api_key', 'KEY', 'access_token']) {
    refused.push({ headers: {}, query: `?${name}=${apiKey}`, code: 'api_key_in_query' })
    refused.push({ headers: { authorization: `Bearer ${apiKey}` }, query: `?${name}=${apiKey}`, code: 'api_key_in_query' })
  }
  return refused
}

function ask(path: string, init: RequestInit): Promise<Response> {
  return fetch(inject('stack').proxyUrl + path, init)
}

/** For TRACE, which fetch does not know. */
function raw(method: string, path: string, apiKey: string) {
  const { hostname, port } = new URL(inject('stack').proxyUrl)
  return new Promise<{ status: number; body: string; allow: string }>((resolve, reject) => {
    const request = openRequest({ hostname, port, method, path, headers: { authorization: `Bearer ${apiKey}` } }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString(),
          allow: String(response.headers.allow),
        }),
      )
    })
    request.on('error', reject)
    request.end()
  })
}
