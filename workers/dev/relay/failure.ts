/** Ends the command with a message for the operator; the hints say what to do next. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly hints: string[]
  readonly exitCode: 1 | 2

  constructor(message: string, hints: string[] = [], exitCode: 1 | 2 = 1) {
    super(message)
    this.hints = hints
    this.exitCode = exitCode
  }
}
