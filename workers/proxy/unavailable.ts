import { ApiError } from '#workers/edge/api-error.ts'
import { unavailableRetryMs } from './limits.ts'

/** What the relay answers when it cannot ask the ledger or Postgres: money fails closed. */
export function unavailable(): ApiError {
  return new ApiError('unavailable', { retryAfterMs: unavailableRetryMs })
}
