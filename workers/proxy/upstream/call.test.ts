import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ApiError } from '#workers/edge/api-error.ts'
import { callUpstream, type UpstreamRequest } from './call.ts'
import { UpstreamFailure } from './failure.ts'

const request: UpstreamRequest = {
  route: {
    routeId: 'rte_1',
    upstream: 'u',
    baseUrl: 'https://u.example/base',
    credential: 'c',
    byok: null,
    upstreamModel: 'm',
    kind: 'openai',
    dialects: ['openai-chat'],
    region: null,
    price: null,
    cost: null,
    isUp: true,
    priority: 0,
    weight: 1,
  },
  family: 'openai',
  credential: 'sk-secret-credential',
  ask: { path: '/v1/chat/completions', headers: {}, body: '{"model":"m"}' },
  accept: 'application/json',
  requestId: 'req_1',
}

/** Answers in the upstream's place; returns what it was sent. */
function upstream(answer: () => Response | Promise<Response>): { url: string; init: RequestInit }[] {
  const calls: { url: string; init: RequestInit }[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    calls.push({ url, init })
    return answer()
  })
  return calls
}

async function refusal(answer: () => Response | Promise<Response>): Promise<ApiError> {
  upstream(answer)
  const error: unknown = await callUpstream(request).catch((thrown: unknown) => thrown)
  if (!(error instanceof UpstreamFailure)) throw new Error(`no refusal: ${String(error)}`)
  return error.told
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('a call', () => {
  test.each(['text/event-stream', 'application/json'])('sends these headers and no others (accept: %s)', async (accept) => {
    const calls = upstream(() => new Response('{}'))
    await callUpstream({ ...request, accept })
    expect(calls).toMatchObject([
      { url: 'https://u.example/base/v1/chat/completions', init: { method: 'POST', redirect: 'manual', body: '{"model":"m"}' } },
    ])
    expect(Object.fromEntries(new Headers(calls[0]?.init.headers))).toEqual({
      authorization: 'Bearer sk-secret-credential',
      'content-type': 'application/json',
      accept,
      'user-agent': 'rocket-relay',
      'x-request-id': 'req_1',
    })
  })

  test('can be cut off at any time after its headers', async () => {
    const calls = upstream(() => new Response('{}'))
    const { cancel } = await callUpstream(request)
    expect(calls[0]?.init.signal?.aborted).toBe(false)
    cancel()
    expect(calls[0]?.init.signal?.aborted).toBe(true)
  })
})

describe('the address of a call', () => {
  test.each([
    ['of ours', null, 'openai', 'https://u.example/base/v1/chat/completions'],
    ['of a provider of the catalogue', 'openai', 'openai', 'https://u.example/base/v1/chat/completions'],
    [
      "of a customer's own provider, which is named with its version,",
      'openai-compatible',
      'openai',
      'https://u.example/base/chat/completions',
    ],
    ['of a CLIProxyAPI', null, 'cliproxyapi', 'https://u.example/base/v1/chat/completions'],
  ] as const)('%s is its base and the path of the dialect', async (_, byok, kind, url) => {
    const calls = upstream(() => new Response('{}'))
    await callUpstream({ ...request, route: { ...request.route, byok, kind } })
    expect(calls.map((call) => call.url)).toEqual([url])
  })

  test('of a path that has its version further on stays as it is', async () => {
    const calls = upstream(() => new Response('{}'))
    const route = { ...request.route, byok: 'openai-compatible' }
    await callUpstream({ ...request, route, ask: { ...request.ask, path: '/audio/v1/x' } })
    expect(calls.map(({ url }) => url)).toEqual(['https://u.example/base/audio/v1/x'])
  })
})

test('without a key nobody is called, and another may be', async () => {
  const calls = upstream(() => new Response('{}'))
  const failing = callUpstream({ ...request, credential: null })
  await expect(failing).rejects.toMatchObject({ facts: { outcome: 'unauthorized', status: null, mayMoveOn: true } })
  expect(calls).toEqual([])
})

describe('an upstream that refuses', () => {
  test.each([
    [400, 400, 'upstream_refused'],
    [413, 413, 'upstream_refused'],
    [422, 422, 'upstream_refused'],
    [401, 502, 'upstream_error'],
    [402, 502, 'upstream_error'],
    [403, 502, 'upstream_error'],
    [404, 502, 'upstream_error'],
    [409, 502, 'upstream_error'],
    [429, 429, 'upstream_rate_limited'],
    [500, 502, 'upstream_error'],
    [502, 502, 'upstream_error'],
    [503, 503, 'upstream_unavailable'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'upstream_unavailable'],
    [201, 502, 'upstream_error'],
    [302, 502, 'upstream_error'],
  ])('with %d is %d %s to the client', async (theirs, status, code) => {
    expect(await refusal(() => new Response('{}', { status: theirs }))).toMatchObject({ status, code })
  })

  test('says nothing of our accounts', async () => {
    const body = (message: string) => JSON.stringify({ error: { message } })
    const told = 'Bad sk-secret-credential of org-AbCdEf123'
    expect((await refusal(() => new Response(body(told), { status: 400 }))).message).toBe('Bad [redacted] of [redacted]')
    expect((await refusal(() => new Response(body(told), { status: 401 }))).message).not.toContain('Bad')
  })

  test.each([
    ['7', 7_000],
    ['0.5', 500],
    ['60', 60_000],
    ['61', 60_000],
    ['99999999', 60_000],
    ['1e400', null],
    ['-1', null],
    ['soon', null],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    [null, null],
  ])('and asks to wait "%s" makes the client wait %s ms', async (header, retryAfterMs) => {
    for (const status of [429, 503]) {
      const headers = header === null ? {} : { 'retry-after': header }
      expect((await refusal(() => new Response('', { status, headers }))).details.retryAfterMs).toBe(retryAfterMs)
    }
  })
})

describe('an upstream that is away', () => {
  test('is unavailable, and what it said is not shown', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const error = await refusal(() => Promise.reject(new TypeError('connect ECONNREFUSED 10.0.0.1:8317')))
    expect(error).toMatchObject({ code: 'upstream_unavailable', status: 503 })
    expect(error.message).not.toContain('10.0.0.1')
  })

  test('gives no headers in time is timed out', async () => {
    vi.useFakeTimers()
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      return new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
    })
    const called = callUpstream(request).catch((error: unknown) => (error instanceof UpstreamFailure ? error.told : error))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await called).toMatchObject({ code: 'upstream_timeout', status: 504 })
  })
})
