import type { Failure } from '../behaviours.ts'
import type { HeaderList } from '../exchange.ts'
import type { Violation } from './proto-json.ts'

/** Google's error model: `{error: {code, message, status, details?}}`, `code` being the HTTP status. */
export type GoogleError = {
  code: number
  message: string
  status: string
  details?: readonly Detail[]
  headers?: HeaderList
}

type Detail = Record<string, unknown>

const service = 'generativelanguage.googleapis.com'
const project = '123456789012'

export function renderError({ code, message, status, details }: GoogleError): string {
  return JSON.stringify({ error: { code, message, status, ...(details ? { details } : {}) } }, null, 2)
}

export function invalidArgument(message: string, details?: readonly Detail[]): GoogleError {
  return { code: 400, message, status: 'INVALID_ARGUMENT', ...(details ? { details } : {}) }
}

/** A body that does not fit its message; all its faults are told at once. */
export function unreadableMessage(violations: readonly Violation[]): GoogleError {
  const fieldViolations = violations.map(({ field, description }) => (field === '' ? { description } : { field, description }))
  const message = violations.map(({ description }) => description).join('\n')
  return invalidArgument(message, [{ '@type': typeOf('BadRequest'), fieldViolations }])
}

export const unreadableBody: GoogleError = invalidArgument('Invalid JSON payload received. Unexpected token.\n')

export const missingKey: GoogleError = {
  code: 403,
  message:
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer " +
    'identity to call this API.',
  status: 'PERMISSION_DENIED',
}

export const wrongToken: GoogleError = {
  code: 401,
  message:
    'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
  status: 'UNAUTHENTICATED',
  details: [errorInfo('ACCESS_TOKEN_TYPE_UNSUPPORTED', { service })],
}

const wrongKeyText = 'API key not valid. Please pass a valid API key.'
export const wrongKey: GoogleError = invalidArgument(wrongKeyText, [
  errorInfo('API_KEY_INVALID', { service }),
  { '@type': typeOf('LocalizedMessage'), locale: 'en-US', message: wrongKeyText },
])

export const internalError: GoogleError = {
  code: 500,
  message: 'An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
  status: 'INTERNAL',
}

export function unknownModel(version: string, model: string, method: string): GoogleError {
  const message =
    `models/${model} is not found for API version ${version}, or is not supported for ${method}. Call ListModels to see the list of ` +
    'available models and their supported methods.'
  return { code: 404, message, status: 'NOT_FOUND' }
}

/** Not a provider's answer: tells the relay's tests that something came through that must not. */
export function relayLeak(leaks: readonly string[]): GoogleError {
  const names = leaks.join(', ')
  return invalidArgument(`The relay forwarded what it must not: ${names}.`, [errorInfo('RELAY_LEAK', { leaks: names })])
}

/** The answers of the failing behaviours. Texts name the key and the project on purpose, as real ones can. */
export function scriptedFailure(failure: Failure, amount: number, model: string, key: string): GoogleError {
  switch (failure) {
    case 'rate-limited':
      return rateLimited(amount, model)
    case 'server-error':
      return internalError
    case 'overloaded':
      return { code: 503, message: 'The model is overloaded. Please try again later.', status: 'UNAVAILABLE' }
    case 'bad-key':
      return { ...wrongToken, message: `API key ${key} is expired. Please renew the API key.` }
    case 'bad-request':
      return invalidArgument('The input token count (9000) exceeds the maximum number of tokens allowed (8192).')
    case 'forbidden':
      return {
        code: 403,
        message: `Gemini API has not been used in project ${project} before or it is disabled.`,
        status: 'PERMISSION_DENIED',
        details: [errorInfo('SERVICE_DISABLED', { service, consumer: `projects/${project}` })],
      }
  }
}

function rateLimited(seconds: number, model: string): GoogleError {
  const quotaMetric = `${service}/generate_content_paid_tier_requests`
  const quotaId = 'GenerateRequestsPerMinutePerProjectPerModel'
  return {
    code: 429,
    message: `You exceeded your current quota. Quota exceeded for metric: ${quotaMetric}, limit: 60, model: ${model}. Please retry in ${seconds}s.`,
    status: 'RESOURCE_EXHAUSTED',
    details: [
      {
        '@type': typeOf('QuotaFailure'),
        violations: [{ quotaMetric, quotaId, quotaDimensions: { location: 'global', model }, quotaValue: '60' }],
      },
      { '@type': typeOf('RetryInfo'), retryDelay: `${seconds}s` },
    ],
    headers: ['retry-after', String(seconds)],
  }
}

function errorInfo(reason: string, metadata: Record<string, string>): Detail {
  return { '@type': typeOf('ErrorInfo'), reason, domain: 'googleapis.com', metadata }
}

function typeOf(name: string): string {
  return `type.googleapis.com/google.rpc.${name}`
}
