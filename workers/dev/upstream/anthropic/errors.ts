import type { Failure } from '../behaviours.ts'
import type { HeaderList } from '../exchange.ts'

/** An Anthropic error: `{type: 'error', error: {type, message}, request_id}` under a status. */
export type AnthropicError = {
  status: number
  type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'request_too_large'
    | 'rate_limit_error'
    | 'api_error'
    | 'overloaded_error'
  message: string
  headers?: HeaderList
}

export function renderError({ type, message }: AnthropicError, requestId: string): string {
  return JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId })
}

export function invalidRequest(message: string, status = 400): AnthropicError {
  return { status, type: 'invalid_request_error', message }
}

export function badKey(message: string): AnthropicError {
  return { status: 401, type: 'authentication_error', message }
}

export function notFound(message: string): AnthropicError {
  return { status: 404, type: 'not_found_error', message }
}

export const tooLarge: AnthropicError = { status: 413, type: 'request_too_large', message: 'Request exceeds the maximum size' }
export const serverError: AnthropicError = { status: 500, type: 'api_error', message: 'Internal server error' }
export const overloaded: AnthropicError = { status: 529, type: 'overloaded_error', message: 'Overloaded' }

/** Not a provider's answer: tells the relay's tests that something came through that must not. */
export function relayLeak(leaks: readonly string[]): AnthropicError {
  return invalidRequest(`relay_leak: The relay forwarded what it must not: ${leaks.join(', ')}.`)
}

/** The answers of the failing behaviours. Texts name the key and the account on purpose, as real ones can. */
export function scriptedFailure(failure: Failure, amount: number, model: string, key: string): AnthropicError {
  switch (failure) {
    case 'rate-limited':
      return {
        status: 429,
        type: 'rate_limit_error',
        message: `This request would exceed the rate limit for your organization (org-scripted) of 400000 input tokens per minute for ${model}.`,
        headers: ['retry-after', String(amount), 'x-should-retry', 'true'],
      }
    case 'server-error':
      return { ...serverError, headers: ['x-should-retry', 'true'] }
    case 'overloaded':
      return { ...overloaded, headers: ['x-should-retry', 'true'] }
    case 'bad-key':
      return badKey(`invalid x-api-key: ${key}`)
    case 'bad-request':
      return invalidRequest('prompt is too long: 209000 tokens > 200000 maximum')
    case 'forbidden':
      return { status: 403, type: 'permission_error', message: `Account org-scripted does not have permission to use ${model}.` }
  }
}
