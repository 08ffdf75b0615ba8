import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AccountSnapshot } from '#shared/contracts/account.ts'
import type { RefusalReason, Room } from '#shared/contracts/ledger.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import type { Caller } from '../caller/authenticate.ts'
import { factsOf } from '../exchange.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { ScriptedLedger, standing } from '../testing/scripted-ledger.ts'
import { admit, errorOfRefusal, rateLimitHeaders, type Terms } from './admit.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const snapshot: AccountSnapshot = {
  organizationId: 'org_1',
  status: 'active',
  balanceNanos: 1_000,
  overdraftNanos: 0,
  version: 3,
  limits: {},
  keys: [],
}

/** Asks a scripted ledger for a request that may cost 600 nano-dollars by its bytes and 200 when it is counted. */
function ask(ledger: ScriptedLedger, known: Partial<Caller> = {}, terms: Terms = {}) {
  const later: Promise<unknown>[] = []
  const exchange = exchangeWith(ledger, {}, later)
  const request = factsOf(exchange, { keyId: 'key_1', model: 'm', priceVersionId: 'prc_1', path: '/v1/chat/completions' })
  const reference = { request, holdNanos: 600, reservedTokens: 10 }
  const counted = { ...reference, holdNanos: 200 }
  const hold = {
    reference,
    tighter: async ({ holdNanos }: Room) => (holdNanos < 200 ? null : counted),
    advice: ({ holdNanos }: Room) => `${holdNanos} fits`,
  }
  const admission = admit(exchange, { keyId: 'key_1', keyHash: 'hash', organizationId: 'org_1', ownKeys, ...known }, hold, terms)
  return { admission, reference, counted, requestId: exchange.requestId, later }
}

/** A customer that never had a provider credential. */
const ownKeys = { version: 0, fallback: false, credentials: [] }

/** A ledger that fails so often, with an error marked as the platform marks its own. */
function failing(times: number, marks: object = {}): ScriptedLedger {
  const ledger = new ScriptedLedger()
  const { answer } = ledger
  ledger.answer = () => {
    if (ledger.admitted.length <= times) throw Object.assign(new Error('object is away'), marks)
    return answer()
  }
  return ledger
}

test('an admission asks for all that was bounded, also when it brings the account along', async () => {
  for (const known of [{}, { snapshot }]) {
    const ledger = new ScriptedLedger()
    const { admission, reference } = ask(ledger, known)
    expect(await admission).toMatchObject({ reference, organizationId: 'org_1' })
    expect(ledger.admitted).toEqual([{ ...reference, ...known }])
  }
})

test('a request that fits only when it is counted lives with what it was admitted for', async () => {
  const ledger = new ScriptedLedger()
  const { answer } = ledger
  const room = { holdNanos: 250, tokens: null }
  const refusal = { outcome: 'refused', reason: 'in_flight_budget', retryAfterMs: 1_000, standing, room } as const
  ledger.answer = () => (ledger.admitted.at(-1)?.holdNanos === 200 ? answer() : refusal)
  const { admission, reference, counted } = ask(ledger)
  expect((await admission)?.reference).toEqual(counted)
  expect(ledger.admitted).toEqual([reference, counted])
})

describe('nothing is admitted', () => {
  test.each(Object.keys(errorOfRefusal) as RefusalReason[])('when the ledger says %s', async (reason) => {
    for (const retryAfterMs of [null, 1_000]) {
      const ledger = new ScriptedLedger()
      ledger.answer = () => ({ outcome: 'refused', reason, retryAfterMs, standing, room: null })
      await expect(ask(ledger).admission).rejects.toMatchObject({ code: errorOfRefusal[reason] })
    }
  })

  test('when the ledger wants an account that cannot be read', async () => {
    const ledger = new ScriptedLedger()
    ledger.answer = () => ({ outcome: 'snapshot_required' })
    await expect(ask(ledger).admission).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('when the ledger does not answer, and what it may hold is given back', async () => {
    const ledger = failing(1)
    const { admission, requestId, later } = ask(ledger)
    await expect(admission).rejects.toMatchObject({ code: 'unavailable' })
    await Promise.all(later)
    expect(ledger.admitted).toHaveLength(1)
    expect(ledger.released).toEqual([requestId])
  })
})

test('a call that may be repeated is repeated once, as it was', async () => {
  const ledger = failing(1, { retryable: true })
  const { admission, reference } = ask(ledger)
  expect(await admission).toMatchObject({ reference })
  expect(ledger.admitted).toEqual([reference, reference])
  expect(ledger.released).toEqual([])
})

test.each([
  ['an overload, which it would make worse', { retryable: true, overloaded: true }, 1],
  ['a second failure', { retryable: true }, 2],
])('it is not repeated after %s', async (_, marks, calls) => {
  const ledger = failing(Number.POSITIVE_INFINITY, marks)
  await expect(ask(ledger).admission).rejects.toMatchObject({ code: 'unavailable' })
  expect(ledger.admitted).toHaveLength(calls)
})

describe('rate-limit headers', () => {
  const state = (limit: number, remaining: number) => ({ limit, remaining, resetMs: 1_500 })

  test('tell nothing of what is not limited', () => {
    expect(rateLimitHeaders(standing, 'openai')).toEqual({})
  })

  test('give each limit exactly: its size, what is left, and when all of it is back', () => {
    const headers = rateLimitHeaders(
      { ...standing, tokensPerMinute: state(700, 44), spendPerMonth: state(5_000_000_000, 1_234_567_891) },
      'openai',
    )
    expect(headers).toEqual({
      'x-ratelimit-limit-tokens': '700',
      'x-ratelimit-remaining-tokens': '44',
      'x-ratelimit-reset-tokens': '1500ms',
      'x-ratelimit-limit-spend-month-usd': '5.00',
      'x-ratelimit-remaining-spend-month-usd': '1.234567891',
      'x-ratelimit-reset-spend-month-usd': '1500ms',
    })
  })

  test("are in Anthropic's own words for its clients, with the moment of the reset", () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5) })
    const limits = { requestsPerMinute: state(60, 9), tokensPerMinute: state(700, 44) }
    expect(rateLimitHeaders({ ...standing, ...limits }, 'anthropic')).toEqual({
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '9',
      'anthropic-ratelimit-requests-reset': '2026-01-02T03:04:06.500Z',
      'anthropic-ratelimit-tokens-limit': '700',
      'anthropic-ratelimit-tokens-remaining': '44',
      'anthropic-ratelimit-tokens-reset': '2026-01-02T03:04:06.500Z',
    })
    vi.useRealTimers()
  })

  test.each([
    ['the day', state(60, 9), state(1_000, 3), '3'],
    ['the minute', state(60, 9), state(1_000, 900), '9'],
  ])('show both limits of requests, and first the one with less left: %s', (_, requestsPerMinute, requestsPerDay, first) => {
    expect(rateLimitHeaders({ ...standing, requestsPerMinute, requestsPerDay }, 'gemini')).toMatchObject({
      'x-ratelimit-remaining-requests': first,
      'x-ratelimit-remaining-requests-minute': '9',
      'x-ratelimit-remaining-requests-day': String(requestsPerDay.remaining),
      'x-ratelimit-limit-requests-day': '1000',
    })
  })
})

test('a refusal that nothing could fit says what would', async () => {
  const ledger = new ScriptedLedger()
  const room = { holdNanos: 100, tokens: null }
  ledger.answer = () => ({ outcome: 'refused', reason: 'insufficient_balance', retryAfterMs: null, standing, room })
  await expect(ask(ledger).admission).rejects.toThrow(/^The credit does not cover this request\. .* 100 fits$/)
  expect(ledger.admitted).toHaveLength(1)
})

test('an idempotency key and other models are asked for with the hold, and the key stays with it', async () => {
  const ledger = new ScriptedLedger()
  const terms = { fallbackModels: ['n'], idempotency: { keyHash: 'k', bodyHash: 'b' } }
  const { admission, reference } = ask(ledger, {}, terms)
  expect((await admission)?.reference).toEqual({ ...reference, idempotency: terms.idempotency })
  expect(ledger.admitted).toEqual([{ ...reference, ...terms }])
})

test.each([
  ['idempotency_running', null, 409, /req_0: see GET \/v1\/requests\/req_0\.$/],
  ['idempotency_ended', 1_500_000, 409, /It is req_0 and cost 0\.0015 dollars/],
  ['idempotency_key_reused', 0, 422, /It is req_0/],
] as const)('a refusal for %s names the request that came first', async (reason, costNanos, status, told) => {
  const ledger = new ScriptedLedger()
  const earlier = { requestId: 'req_0', costNanos }
  ledger.answer = () => ({ outcome: 'refused', reason, retryAfterMs: null, standing, room: null, earlier })
  await expect(ask(ledger).admission).rejects.toMatchObject({ status, message: expect.stringMatching(told) })
})

test('a ledger that has too much to confirm is a 503 that says when to come back', async () => {
  const ledger = new ScriptedLedger()
  ledger.answer = () => ({ outcome: 'refused', reason: 'unconfirmed_backlog', retryAfterMs: 5_000, standing, room: null })
  const error: unknown = await ask(ledger).admission.catch((thrown: unknown) => thrown)
  const answer = error instanceof ApiError ? error.toResponse('openai', 'req_1') : undefined
  expect([answer?.status, answer?.headers.get('retry-after')]).toEqual([503, '5'])
})

describe("a customer's own accounts", () => {
  const ownKeysAt = (version: number) => ({ ownKeys: { ...ownKeys, version } })

  test.each<[string, Partial<Caller>, Terms, object]>([
    ['by their version, which the ledger compares', ownKeysAt(4), {}, { credentialsVersion: 4 }],
    ['by nothing where there never were any', {}, { isByok: false }, {}],
    ['as all that serves a request', ownKeysAt(4), { isByok: true }, { credentialsVersion: 4, isByok: true }],
    ['as only some of what serves a request', ownKeysAt(4), { isByok: false }, { credentialsVersion: 4 }],
  ])('are told to the ledger %s', async (_, known, terms, told) => {
    const ledger = new ScriptedLedger()
    const { admission, reference } = ask(ledger, known, terms)
    await admission
    expect(ledger.admitted).toEqual([{ ...reference, ...told }])
  })

  test('of another version than the ledger knows admit nothing, and the request is not refused', async () => {
    const ledger = new ScriptedLedger()
    ledger.answer = () => ({ outcome: 'credentials_changed' })
    const { admission, later } = ask(ledger, ownKeysAt(4), { isByok: true })
    expect(await admission).toBeNull()
    await Promise.all(later)
    expect([ledger.admitted.length, ledger.released]).toEqual([1, []])
  })

  test('are still told when a request asks again for less', async () => {
    const ledger = new ScriptedLedger()
    const room = { holdNanos: 250, tokens: null }
    ledger.answer = () => ({ outcome: 'refused', reason: 'in_flight_budget', retryAfterMs: 1_000, standing, room })
    await expect(ask(ledger, ownKeysAt(4), { isByok: true }).admission).rejects.toThrow()
    expect(ledger.admitted.map(({ credentialsVersion, isByok }) => [credentialsVersion, isByok])).toEqual([
      [4, true],
      [4, true],
    ])
  })
})
