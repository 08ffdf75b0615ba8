import type { Context } from 'hono'
import { isDatabaseDown } from '#db/statements.ts'
import { Problem, problemResponse } from '#workers/edge/problem.ts'
import { logUnexpected } from '#workers/services/log-unexpected.ts'
import { KekFailure } from '#workers/services/secrets/key-ring.ts'
import type { AdminContext } from './env.ts'

/** The one place where this Worker turns a throw into an answer. */
export function renderError(error: Error, c: Context<AdminContext>): Response {
  if (error instanceof Problem) return problemResponse(error, c.var.requestId)
  if (!(error instanceof KekFailure && error.reason === 'unavailable')) logUnexpected(error, c.var.requestId)
  // Its text is ours: it tells what setting is missing, what KMS called its refusal, or that a stored secret opens no more.
  if (error instanceof KekFailure)
    return problemResponse(new Problem(error.reason === 'unavailable' ? 'unavailable' : 'internal', error.message), c.var.requestId)
  if (isDatabaseDown(error)) {
    return problemResponse(
      new Problem('unavailable', 'The database does not answer. Nothing is known to have changed; look before trying again.'),
      c.var.requestId,
    )
  }
  return problemResponse(new Problem('internal', 'The error is in the log of the admin Worker under this request id.'), c.var.requestId)
}
