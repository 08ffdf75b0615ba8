/** Ends the command with a message for the operator; the hints say what to do next. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly hints: string[]
  /** Nobody knows whether the request took effect: no answer came, or the answer was that something broke. */
  readonly isInDoubt: boolean

  constructor(message: string, hints: string[] = [], isInDoubt = false) {
    super(message)
    this.hints = hints
    this.isInDoubt = isInDoubt
  }
}
