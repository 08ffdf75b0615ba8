import type { AdminClient } from './admin-client.ts'

/** What each verb works with. `print` is for the result (stdout), `warn` for everything about it (stderr). */
export interface Desk {
  print: (line: string) => void
  warn: (line: string) => void
  /** All of standard input. */
  readInput: () => Promise<string>
  /** Finds the deployment on the first use, so that --help works without one. */
  admin: () => AdminClient
  endWith: (exitCode: number) => void
}

/** Prints the answer for a script or for a person, and says on stderr when a change has not reached the ledger object. */
export function show<Answer extends object>(
  desk: Desk,
  answer: Answer,
  options: { json?: boolean },
  table: (answer: Answer) => string,
): void {
  desk.print(options.json ? JSON.stringify(answer) : table(answer))
  if ('pushed' in answer && answer.pushed === false) {
    desk.warn('warning: the change is stored, but the running ledger has not heard of it yet; it will read it by itself before long.')
  }
}
