import type { Context } from 'hono'
import { isDatabaseDown } from '#db/statements.ts'
import { Problem, problemResponse } from '#workers/edge/problem.ts'
import { logUnexpected } from '#workers/services/log-unexpected.ts'
import { KekFailure } from '#workers/services/secrets/key-ring.ts'
import type { ApiContext } from './env.ts'

/** The one place where this Worker turns a throw into an answer. */
export function renderError(error: Error, c: Context<ApiContext>): Response {
  const { requestId } = c.var
  if (error instanceof Problem) return problemResponse(error, requestId)
  if (!(error instanceof KekFailure && error.reason === 'unavailable')) logUnexpected(error, requestId)
  if (error instanceof KekFailure && error.reason === 'unavailable')
    return problemResponse(new Problem('unavailable', 'Stored secrets cannot be opened at the moment. Nothing was changed.'), requestId)
  if (isDatabaseDown(error)) {
    const detail = 'The database does not answer. Nothing is known to have changed; look before trying again.'
    return problemResponse(new Problem('unavailable', detail), requestId)
  }
  return problemResponse(new Problem('internal', 'Something went wrong. Support finds it by this request id.'), requestId)
}
