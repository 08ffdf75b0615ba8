import type { Family } from '#shared/contracts/dialect.ts'
import type { ApiError } from './api-error.ts'

/** An error in the words of a client's own family, as its official clients parse it. */
export function errorEnvelope(error: ApiError, family: Family, requestId: string): object {
  const { message, status, code, type } = error
  if (family === 'anthropic') return { type: 'error', error: { type: anthropicType(status), message }, request_id: requestId }
  if (family === 'gemini') {
    const reason = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code.toUpperCase(), domain: 'relay' }
    return { error: { code: status, message, status: geminiStatus(status), details: [reason] } }
  }
  return { error: { message, type, param: error.details.param ?? null, code } }
}

/** Anthropic's error types by HTTP status (Claude API reference, "Errors"). */
function anthropicType(status: number): string {
  return anthropicTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
}

const anthropicTypes: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** Google's canonical codes by HTTP status (google.rpc.Code); 402 has none, and missing credit is an exhausted resource. */
function geminiStatus(status: number): string {
  return geminiStatuses[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT')
}

const geminiStatuses: Record<number, string> = {
  401: 'UNAUTHENTICATED',
  402: 'RESOURCE_EXHAUSTED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}
