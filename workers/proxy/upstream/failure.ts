import type { AttemptOutcome } from '#shared/contracts/usage-event.ts'
import type { ApiError } from '#workers/edge/api-error.ts'

export interface FailureFacts {
  outcome: Exclude<AttemptOutcome, 'answered'>
  /** HTTP status of the upstream; null when it gave none. */
  status: number | null
  /** The upstream cannot have done work that it charges for, so another route may be asked. */
  mayMoveOn: boolean
  /** How long the route is better left alone, as the upstream says; null when it does not. */
  coolMs?: number | null
  /** The upstream's own id of the attempt. */
  trace?: string | undefined
}

/** An attempt at an upstream that failed: what the client is told when nobody else can serve it, and what the route is known by from now on. */
export class UpstreamFailure extends Error {
  override name = 'UpstreamFailure'
  readonly told: ApiError
  readonly facts: FailureFacts

  constructor(told: ApiError, facts: FailureFacts) {
    super(told.message)
    this.told = told
    this.facts = facts
  }
}
