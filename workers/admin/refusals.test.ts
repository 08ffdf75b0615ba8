import { afterAll, beforeAll, describe, test } from 'vitest'
import { adminApp } from './app.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

const unknownOrganization = 'org_nobody'

describe('access', () => {
  const denied = { status: 403, code: 'access_denied' }

  test('a request without a token is refused, whatever it asks for', async ({ expect }) => {
    for (const path of [
      '/customers',
      '/customers/org_nobody/events',
      '/parked-events',
      '/models',
      '/routes',
      '/nothing',
      '/v0/management/config',
    ]) {
      const answer = await stage.request(path, {})
      expect(await answer.json()).toMatchObject(denied)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
    }
  })

  test('a token counts only with our key, audience, issuer, time and a name in it', async ({ expect }) => {
    const status = async (token: string) => (await stage.request('/models', { headers: { 'cf-access-jwt-assertion': token } })).status
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa('{}')}.`.replaceAll('=', '')
    expect(await status(await stage.sign())).toBe(200)
    expect(await status(await stage.sign({ email: 'ops@example.com', common_name: undefined }))).toBe(200)
    expect(await status(await stage.forge())).toBe(403)
    expect(await status(await stage.sign({ aud: ['another application'] }))).toBe(403)
    expect(await status(await stage.sign({ iss: 'https://elsewhere.example' }))).toBe(403)
    expect(await status(await stage.sign({ exp: 1 }))).toBe(403)
    expect(await status(await stage.sign({ exp: undefined }))).toBe(403)
    expect(await status(await stage.sign({ common_name: undefined }))).toBe(403)
    expect(await status(unsigned)).toBe(403)
    expect(await status('nonsense')).toBe(403)
  })

  test('signing keys that cannot be read are our fault: 503, not 403', async ({ expect }) => {
    const headers = { 'cf-access-jwt-assertion': await stage.sign() }
    const answer = await adminApp.request('/models', { headers }, { ...stage.env, ACCESS_TEAM_URL: 'http://127.0.0.1:1' })
    expect(answer.status).toBe(503)
  })
})

describe('what is refused', () => {
  test('an unknown field is named by a pointer', async ({ expect }) => {
    const answer = await stage.call('POST', '/customers', { creditNanos: 1, limits: { 'requests/Minute': 5 } })
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request', errors: [{ pointer: '#/limits/requests~1Minute' }] } })
  })

  test('bodies that are not JSON, not announced as JSON, or too large', async ({ expect }) => {
    const post = async (contentType: string, body: string) => {
      const headers = { 'cf-access-jwt-assertion': await stage.sign(), 'content-type': contentType }
      return (await stage.request('/customers', { method: 'POST', headers, body })).status
    }
    expect(await post('text/plain', '{}')).toBe(415)
    expect(await post('application/x-www-form-urlencoded', 'name=x')).toBe(415)
    expect(await post('application/json', '{"name":')).toBe(400)
    expect(await post('application/json', '[]')).toBe(400)
    expect(await post('application/json', JSON.stringify({ name: 'x'.repeat(70_000) }))).toBe(413)
    expect(await post('application/json; charset=utf-8', '{}')).toBe(201)
  })

  test('a body without an announced length is cut off at the limit', async ({ expect }) => {
    let sent = 0
    const stream = new ReadableStream({
      pull(controller) {
        sent += 1
        controller.enqueue(new TextEncoder().encode(' '.repeat(16_384)))
      },
    })
    const headers = { 'cf-access-jwt-assertion': await stage.sign(), 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: stream, duplex: 'half' }
    expect((await stage.request('/customers', init)).status).toBe(413)
    expect(sent).toBeLessThan(10)
  })

  test('what does not exist is 404 for every verb', async ({ expect }) => {
    const base = `/customers/${unknownOrganization}`
    const credit = { amountNanos: 1, reason: 'test', idempotencyKey: 'nobody' }
    const calls: [string, string, unknown?][] = [
      ['GET', base],
      ['GET', '/customers/key_x'],
      ['GET', `${base}/keys`],
      ['GET', `${base}/usage`],
      ['GET', `${base}/events`],
      ['POST', `${base}/credits`, credit],
      ['POST', `${base}/keys`, {}],
      ['PUT', `${base}/limits`, { limits: {} }],
      ['PUT', `${base}/status`, { status: 'active' }],
      ['DELETE', `${base}/keys/key_x`],
      ['DELETE', '/customers'],
      ['GET', '/v0/management/config'],
    ]
    for (const [method, path, body] of calls) expect([path, (await stage.call(method, path, body)).status]).toEqual([path, 404])
  })

  test('a database that is away is 503, and its address stays inside', async ({ expect }) => {
    const headers = { 'cf-access-jwt-assertion': await stage.sign() }
    const env = { ...stage.env, NEON_ENDPOINT: 'http://127.0.0.1:1', DATABASE_URL: 'postgres://admin:hunter2@db.example/relay' }
    const answer = await adminApp.request('/customers', { headers }, env)
    expect(answer.status).toBe(503)
    expect(await answer.text()).not.toMatch(/hunter2|db\.example|select/)
    // The endpoint holds for the whole isolate: open the real one again.
    await adminApp.request('/customers', { headers }, { ...stage.env })
  })

  test('missing bindings fail closed', async ({ expect }) => {
    const answer = await adminApp.request('/customers', {}, { ...stage.env, ACCESS_AUDIENCE: '' })
    expect(answer.status).toBe(500)
  })
})
