/** Longest reason of a failure in a log line, in characters. */
const reasonLength = 300

/** Writes one structured line about something that failed. `facts` are ids; never a body, a key or a query's parameters. */
export function logFailure(event: string, error: unknown, facts: Record<string, string> = {}): void {
  console.error(JSON.stringify({ event, ...facts, error: reasonOf(error) }))
}

/**
 * Why something failed, without what it was given: a database's error is only named, because its message can hold a statement's parameters
 * or an address with its password.
 */
export function reasonOf(error: unknown): string {
  const chain: Error[] = []
  for (let cause = error; cause instanceof Error && chain.length < 5; cause = cause.cause) chain.push(cause)
  const names = chain.map(({ name }) => name).join(' < ') || 'not an error'
  const isOfDatabase = chain.some(({ name }) => /neon|drizzle|postgres/i.test(name))
  return isOfDatabase ? names : `${names}: ${chain.at(-1)?.message ?? ''}`.slice(0, reasonLength)
}
