import { describe, expect, test } from 'vitest'
import { ApiError, type ApiErrorCode } from './api-error.ts'

/** Status, type, and whether the official clients may try again: the promise to every client, written down a second time. */
const promised: Record<ApiErrorCode, [number, string, boolean]> = {
  missing_api_key: [401, 'authentication_error', false],
  invalid_api_key: [401, 'authentication_error', false],
  conflicting_api_keys: [401, 'authentication_error', false],
  api_key_in_query: [401, 'authentication_error', false],
  api_key_expired: [401, 'authentication_error', false],
  too_many_unknown_keys: [429, 'rate_limit_error', true],
  insufficient_balance: [402, 'insufficient_quota', false],
  in_flight_budget: [402, 'insufficient_quota', true],
  account_suspended: [403, 'permission_error', false],
  ip_not_allowed: [403, 'permission_error', false],
  model_not_allowed: [403, 'permission_error', false],
  requests_per_minute: [429, 'rate_limit_error', true],
  tokens_per_minute: [429, 'rate_limit_error', true],
  requests_per_day: [429, 'rate_limit_error', true],
  concurrency: [429, 'rate_limit_error', true],
  spend_per_day: [402, 'insufficient_quota', false],
  spend_per_month: [402, 'insufficient_quota', false],
  idempotency_running: [409, 'invalid_request_error', true],
  idempotency_ended: [409, 'invalid_request_error', false],
  idempotency_key_reused: [422, 'invalid_request_error', false],
  request_not_found: [404, 'invalid_request_error', false],
  invalid_request: [400, 'invalid_request_error', false],
  invalid_json: [400, 'invalid_request_error', false],
  wrong_endpoint: [400, 'invalid_request_error', false],
  not_sold: [400, 'invalid_request_error', false],
  no_route: [400, 'invalid_request_error', false],
  byok_paused: [403, 'permission_error', false],
  byok_key_refused: [403, 'permission_error', false],
  byok_unreadable: [403, 'permission_error', false],
  byok_target: [403, 'permission_error', false],
  byok_unavailable: [503, 'api_error', true],
  previous_response_not_found: [400, 'invalid_request_error', false],
  unsupported_media_type: [415, 'invalid_request_error', false],
  request_too_large: [413, 'invalid_request_error', false],
  model_not_found: [404, 'invalid_request_error', false],
  unknown_url: [404, 'invalid_request_error', false],
  method_not_allowed: [405, 'invalid_request_error', false],
  upstream_refused: [400, 'invalid_request_error', false],
  upstream_rate_limited: [429, 'rate_limit_error', true],
  upstream_error: [502, 'api_error', true],
  upstream_unavailable: [503, 'api_error', true],
  upstream_timeout: [504, 'api_error', true],
  unavailable: [503, 'api_error', true],
  internal_error: [500, 'api_error', true],
}

const codes = Object.keys(promised) as ApiErrorCode[]

describe.each(codes)('%s', (code) => {
  const [status, type, mayRetry] = promised[code]

  test('answers in the envelope of OpenAI, with a sentence', async () => {
    const response = new ApiError(code).toResponse('openai', 'req_1')
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toEqual({ error: { message: expect.stringMatching(/^[A-Z].+\.$/), type, param: null, code } })
  })

  test('tells the official clients whether to try again', () => {
    const { headers } = new ApiError(code).toResponse('openai', 'req_1')
    expect(headers.get('x-should-retry')).toBe(mayRetry ? null : 'false')
    expect(headers.has('retry-after')).toBe(false)
    expect(headers.has('retry-after-ms')).toBe(false)
  })
})

describe('the time to wait', () => {
  test.each([
    [0, '0', '0'],
    [1, '1', '1'],
    [0.2, '1', '1'],
    [999, '1', '999'],
    [1_000, '1', '1000'],
    [1_001, '2', '1001'],
    [1_500.5, '2', '1501'],
    [60_000, '60', '60000'],
  ])('of %d ms is never told too short: %s s, %s ms', (retryAfterMs, seconds, milliseconds) => {
    const { headers } = new ApiError('concurrency', { retryAfterMs }).toResponse('openai', 'req_1')
    expect(headers.get('retry-after')).toBe(seconds)
    expect(headers.get('retry-after-ms')).toBe(milliseconds)
  })

  test.each([null, undefined])('is left out when it is %s', (retryAfterMs) => {
    expect(new ApiError('concurrency', { retryAfterMs }).toResponse('openai', 'req_1').headers.has('retry-after')).toBe(false)
  })

  test.each([-1, Number.NaN])('of %d is an assertion', (retryAfterMs) => {
    expect(() => new ApiError('concurrency', { retryAfterMs }).toResponse('openai', 'req_1')).toThrow('negative')
  })
})

test('details replace the words, the field and the status, and add headers', async () => {
  const details = { message: 'm', param: 'p', status: 422, headers: { 'x-ratelimit-limit-requests': '5' } }
  const error = new ApiError('upstream_refused', details)
  const response = error.toResponse('openai', 'req_1')
  expect([error.message, error.status, response.status]).toEqual(['m', 422, 422])
  expect(response.headers.get('x-ratelimit-limit-requests')).toBe('5')
  expect(await response.json()).toEqual({ error: { message: 'm', type: 'invalid_request_error', param: 'p', code: 'upstream_refused' } })
})
