import type { Family } from '#shared/contracts/dialect.ts'
import { assert } from '#shared/values/assert.ts'
import { errorEnvelope } from './error-envelope.ts'

/**
 * Every way a relayed request can end badly: our `code`, and OpenAI's `type`; other families' words follow from the status. The message says what to do next.
 * `retry` false tells the official clients not to try again, where that cannot help.
 */
const errors = {
  missing_api_key: entry(401, 'authentication_error', 'No API key was sent. Send it as `Authorization: Bearer <key>`.', false),
  invalid_api_key: entry(401, 'authentication_error', 'This API key is not valid. Check it, or create a new one.', false),
  conflicting_api_keys: entry(401, 'authentication_error', 'Two different API keys were sent. Send one.', false),
  api_key_in_query: entry(
    401,
    'authentication_error',
    'An API key must not be in the URL. Send it as `Authorization: Bearer <key>`.',
    false,
  ),
  api_key_expired: entry(401, 'authentication_error', 'This API key has expired. Create a new one.', false),
  too_many_unknown_keys: entry(429, 'rate_limit_error', 'Too many unknown API keys came from this address. Wait before the next try.'),
  insufficient_balance: entry(
    402,
    'insufficient_quota',
    'The credit does not cover this request. Add credit, or ask for fewer tokens.',
    false,
  ),
  in_flight_budget: entry(402, 'insufficient_quota', 'Running requests hold the rest of the credit. Try again when one has ended.'),
  account_suspended: entry(403, 'permission_error', 'This organization is suspended. Contact support.', false),
  ip_not_allowed: entry(403, 'permission_error', 'This API key may not be used from this address.', false),
  model_not_allowed: entry(403, 'permission_error', 'This API key may not use that model.', false),
  requests_per_minute: entry(429, 'rate_limit_error', 'Too many requests in one minute.'),
  tokens_per_minute: entry(429, 'rate_limit_error', 'Too many tokens in one minute. Lower max_tokens, or wait.'),
  requests_per_day: entry(429, 'rate_limit_error', 'Too many requests in one day (UTC).'),
  concurrency: entry(429, 'rate_limit_error', 'Too many requests at the same time.'),
  spend_per_day: entry(
    402,
    'insufficient_quota',
    'The spend cap of this day (UTC) does not cover this request. Raise the cap, or ask for fewer tokens.',
    false,
  ),
  spend_per_month: entry(
    402,
    'insufficient_quota',
    'The spend cap of this month (UTC) does not cover this request. Raise the cap, or ask for fewer tokens.',
    false,
  ),
  idempotency_running: entry(409, 'invalid_request_error', 'The request that brought this Idempotency-Key first is still running.'),
  idempotency_ended: entry(
    409,
    'invalid_request_error',
    'The request that brought this Idempotency-Key has ended, and its answer is not kept. Use a new key to run it again.',
    false,
  ),
  idempotency_key_reused: entry(
    422,
    'invalid_request_error',
    'This Idempotency-Key was first used for another request. Use a new key for each request.',
    false,
  ),
  request_not_found: entry(404, 'invalid_request_error', 'This API key has made no such request.', false),
  invalid_request: entry(400, 'invalid_request_error', 'The request is not valid.', false),
  invalid_json: entry(400, 'invalid_request_error', 'The body is not valid JSON in UTF-8.', false),
  unsupported_media_type: entry(
    415,
    'invalid_request_error',
    'The body has another media type than this address takes, or is encoded.',
    false,
  ),
  request_too_large: entry(413, 'invalid_request_error', 'The body is too large.', false),
  model_not_found: entry(404, 'invalid_request_error', 'There is no such model. `GET /v1/models` lists those there are.', false),
  wrong_endpoint: entry(400, 'invalid_request_error', 'The model is not served at this address.', false),
  not_sold: entry(400, 'invalid_request_error', 'The model is not sold for what the request asks of it.', false),
  no_route: entry(400, 'invalid_request_error', 'No route of the model meets the wishes in `relay`. Drop some of them.', false),
  byok_paused: entry(
    403,
    'permission_error',
    'Your own keys for this model are paused, because their provider refused them. Replace them, or let your credit pay (byok fallback).',
    false,
  ),
  byok_key_refused: entry(403, 'permission_error', 'Your own key at the provider was refused there. Replace it.', false),
  byok_unreadable: entry(403, 'permission_error', 'Your own key at the provider can no longer be read. Replace it.', false),
  byok_target: entry(403, 'permission_error', 'The address of your own provider is not one that may be called.', false),
  byok_unavailable: entry(
    503,
    'api_error',
    'Your own key at the provider cannot be opened at the moment. Nothing was charged; try again shortly.',
  ),
  previous_response_not_found: entry(400, 'invalid_request_error', 'There is no such previous response of this organization.', false),
  unknown_url: entry(404, 'invalid_request_error', 'There is nothing at this address.', false),
  method_not_allowed: entry(405, 'invalid_request_error', 'This address does not take that method.', false),
  upstream_refused: entry(400, 'invalid_request_error', 'The model refused the request.', false),
  upstream_rate_limited: entry(429, 'rate_limit_error', 'The model is busy. Wait before the next try.'),
  upstream_error: entry(502, 'api_error', 'The model answered with an error. Nothing was charged.'),
  upstream_unavailable: entry(503, 'api_error', 'The model cannot be reached. Nothing was charged.'),
  upstream_timeout: entry(504, 'api_error', 'The model did not answer in time. Nothing was charged.'),
  unavailable: entry(503, 'api_error', 'The relay cannot check limits and credit at the moment. Nothing was charged; try again shortly.'),
  internal_error: entry(500, 'api_error', 'Something went wrong on our side. Nothing was charged.'),
}

export type ApiErrorCode = keyof typeof errors

/** What a code says when nothing more is known. */
export function messageOf(code: ApiErrorCode): string {
  return errors[code].message
}

export interface ErrorDetails {
  /** Replaces the message of the code. */
  message?: string | undefined
  /** The field of the request that is wrong. */
  param?: string | undefined
  retryAfterMs?: number | null | undefined
  /** Replaces the status of the code: for what an upstream said of the request. */
  status?: number | undefined
  /** Headers that go with the answer, such as what is left of the limits. */
  headers?: Record<string, string> | undefined
}

/** Ends a request. Thrown anywhere on the way; the Worker's `app.ts` turns it into an answer. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly code: ApiErrorCode
  readonly details: ErrorDetails
  readonly status: number

  constructor(code: ApiErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? errors[code].message)
    this.code = code
    this.details = details
    this.status = details.status ?? errors[code].status
  }

  /** The kind of error in OpenAI's words. */
  get type(): string {
    return errors[this.code].type
  }

  /** The answer in the client's own words, with the headers the official clients obey: `retry-after`, `retry-after-ms` and `x-should-retry`. */
  toResponse(family: Family, requestId: string): Response {
    const headers = new Headers(this.details.headers)
    headers.set('x-relay-error', this.code)
    const { retryAfterMs } = this.details
    if (retryAfterMs !== undefined && retryAfterMs !== null) {
      assert(retryAfterMs >= 0, 'a negative time to wait')
      headers.set('retry-after', String(Math.ceil(retryAfterMs / 1_000)))
      headers.set('retry-after-ms', String(Math.ceil(retryAfterMs)))
    }
    if (!errors[this.code].retry) headers.set('x-should-retry', 'false')
    return Response.json(errorEnvelope(this, family, requestId), { status: this.status, headers })
  }
}

function entry(
  status: number,
  type: string,
  message: string,
  retry = true,
): { status: number; type: string; message: string; retry: boolean } {
  return { status, type, message, retry }
}
