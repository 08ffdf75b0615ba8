import type { Failure } from '../behaviours.ts'
import type { HeaderList } from '../exchange.ts'

/** An OpenAI error: `{error: {message, type, param, code}}` under a status. */
export type OpenAiError = {
  status: number
  message: string
  type: string
  param: string | null
  code: string | null
  headers?: HeaderList
}

export function renderError({ message, type, param, code }: OpenAiError): string {
  return JSON.stringify({ error: { message, type, param, code } }, null, 2)
}

/** A refusal of what the client sent; 400 unless the status says otherwise. */
export function invalidRequest(message: string, param: string | null = null, code: string | null = null, status = 400): OpenAiError {
  return { status, message, type: 'invalid_request_error', param, code }
}

export const missingKey: OpenAiError = invalidRequest(
  "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer " +
    'YOUR_KEY), or as the password field (with blank username) if you are accessing the API from your browser and are prompted for a ' +
    'username and password. You can obtain an API key from https://platform.openai.com/account/api-keys.',
  null,
  null,
  401,
)

export const unreadableBody: OpenAiError = invalidRequest(
  "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API " +
    'expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us ' +
    'through our help center at help.openai.com.)',
)

export const unreadableForm: OpenAiError = invalidRequest('Could not parse multipart form')

export const missingModel: OpenAiError = invalidRequest('you must provide a model parameter')

export const serverError: OpenAiError = {
  status: 500,
  message: 'The server had an error while processing your request. Sorry about that!',
  type: 'server_error',
  param: null,
  code: null,
}

const keysPage = 'You can find your API key at https://platform.openai.com/account/api-keys.'

/** The provider shows only the ends of a key. */
export function wrongKey(key: string): OpenAiError {
  const shown = key.length > 12 ? `${key.slice(0, 8)}${'*'.repeat(key.length - 12)}${key.slice(-4)}` : key
  return invalidRequest(`Incorrect API key provided: ${shown}. ${keysPage}`, null, 'invalid_api_key', 401)
}

export function unknownUrl(method: string, path: string): OpenAiError {
  const docs = 'Please check the URL for typos, or see the docs at https://platform.openai.com/docs/api-reference/.'
  return invalidRequest(`Unknown request URL: ${method} ${path}. ${docs}`, null, 'unknown_url', 404)
}

export function wrongMethod(method: string, path: string, allowed: string): OpenAiError {
  const message = `Not allowed to ${method} on ${path}. (HINT: Perhaps you meant to make a ${allowed} request?)`
  return { ...invalidRequest(message, null, 'method_not_supported', 405), headers: ['allow', allowed] }
}

export function wrongContentType(contentType: string, accepted = 'application/json'): OpenAiError {
  const message =
    `Unsupported content type: '${contentType}'. This API method only accepts '${accepted}' requests, but you specified the header ` +
    `'Content-Type: ${contentType}'. Please try again with a supported content type.`
  return invalidRequest(message, null, 'unsupported_content_type', 415)
}

export function unknownModel(model: string): OpenAiError {
  return invalidRequest(`The model \`${model}\` does not exist or you do not have access to it.`, null, 'model_not_found', 404)
}

/** Not a provider's answer: tells the relay's tests that something came through that must not. */
export function relayLeak(leaks: readonly string[]): OpenAiError {
  return invalidRequest(`The relay forwarded what it must not: ${leaks.join(', ')}.`, leaks[0] ?? null, 'relay_leak')
}

/** The answers of the failing behaviours. Texts name the key and the account on purpose, as real ones can. */
export function scriptedFailure(failure: Failure, amount: number, model: string, key: string): OpenAiError {
  switch (failure) {
    case 'rate-limited':
      return {
        status: 429,
        message: `Rate limit reached for ${model} in organization org-scripted on requests per min (RPM): Limit 60, Used 60, Requested 1. Please try again in ${amount}s.`,
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
        headers: ['retry-after', String(amount), 'retry-after-ms', String(amount * 1_000)],
      }
    case 'server-error':
      return serverError
    case 'overloaded':
      return {
        ...serverError,
        status: 503,
        message: 'The server is currently overloaded with other requests. Sorry about that! You can retry your request.',
      }
    case 'bad-key':
      return invalidRequest(`Incorrect API key provided: ${key}. ${keysPage}`, null, 'invalid_api_key', 401)
    case 'bad-request':
      return invalidRequest(
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.",
        'messages',
        'context_length_exceeded',
      )
    case 'forbidden':
      return invalidRequest(`Project \`proj_scripted\` does not have access to model \`${model}\``, null, 'model_not_found', 403)
  }
}
