import { postgresErrorOf } from '#db/statements.ts'
import { AssertionError } from '#shared/values/assert.ts'

/**
 * Logs a fault of ours under the id of the request that met it. Only names and codes: the message of a driver's error can hold SQL, its parameters, or the
 * database's address with its password.
 */
export function logUnexpected(error: unknown, requestId: string): void {
  const postgres = postgresErrorOf(error)
  const message = error instanceof AssertionError ? error.message : undefined
  console.error(JSON.stringify({ event: 'unexpected_error', requestId, names: namesOf(error), message, ...postgres }))
}

function namesOf(error: unknown): string[] {
  const names: string[] = []
  for (let cause = error; cause instanceof Error && names.length < 5; cause = cause.cause) names.push(cause.name)
  return names
}
