/** Throws when something that cannot happen has happened. Never use it for bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

export class AssertionError extends Error {
  override name = 'AssertionError'
}
