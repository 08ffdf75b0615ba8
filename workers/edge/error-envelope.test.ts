import { describe, expect, test } from 'vitest'
import { ApiError, type ApiErrorCode } from './api-error.ts'
import { errorEnvelope } from './error-envelope.ts'

/** What the official clients of each family look for. */
describe.each<[ApiErrorCode, number, string, string]>([
  ['invalid_request', 400, 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['invalid_api_key', 401, 'authentication_error', 'UNAUTHENTICATED'],
  ['insufficient_balance', 402, 'billing_error', 'RESOURCE_EXHAUSTED'],
  ['model_not_allowed', 403, 'permission_error', 'PERMISSION_DENIED'],
  ['model_not_found', 404, 'not_found_error', 'NOT_FOUND'],
  ['request_too_large', 413, 'request_too_large', 'INVALID_ARGUMENT'],
  ['tokens_per_minute', 429, 'rate_limit_error', 'RESOURCE_EXHAUSTED'],
  ['internal_error', 500, 'api_error', 'INTERNAL'],
  ['upstream_error', 502, 'api_error', 'INTERNAL'],
  ['upstream_unavailable', 503, 'overloaded_error', 'UNAVAILABLE'],
  ['upstream_timeout', 504, 'timeout_error', 'DEADLINE_EXCEEDED'],
])('%s (%d)', (code, status, anthropic, gemini) => {
  const error = new ApiError(code, { param: 'model' })

  test('is told in the words of each family', () => {
    expect(errorEnvelope(error, 'openai', 'req_1')).toEqual({ error: { message: error.message, type: error.type, param: 'model', code } })
    const told = { type: 'error', error: { type: anthropic, message: error.message }, request_id: 'req_1' }
    expect(errorEnvelope(error, 'anthropic', 'req_1')).toEqual(told)
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code.toUpperCase(), domain: 'relay' }]
    expect(errorEnvelope(error, 'gemini', 'req_1')).toEqual({ error: { code: status, message: error.message, status: gemini, details } })
  })
})
