import type { Context } from 'hono'
import { postgresErrorOf } from '#db/statements.ts'
import { AssertionError } from '#shared/values/assert.ts'
import { Problem, problemResponse } from '#workers/edge/problem.ts'
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

/** Classes 08, 53 and 57 of SQLSTATE: no connection, no resources, shutting down. Anything else of Postgres is a fault of ours. */
function isDatabaseDown(error: Error): boolean {
  const state = postgresErrorOf(error)?.sqlState
  if (state !== undefined) return /^(08|53|57)/.test(state)
  return namesOf(error).includes('NeonDbError')
}

/** Only names and codes: the message of a driver's error can hold SQL, its parameters, or the database's address with its password. */
function logUnexpected(error: Error, requestId: string): void {
  const postgres = postgresErrorOf(error)
  const message = error instanceof AssertionError ? error.message : undefined
  console.error(JSON.stringify({ event: 'unexpected_error', requestId, names: namesOf(error), message, ...postgres }))
}

function namesOf(error: Error): string[] {
  const names: string[] = []
  for (let cause: unknown = error; cause instanceof Error && names.length < 5; cause = cause.cause) names.push(cause.name)
  return names
}
