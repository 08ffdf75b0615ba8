import { maxLiveKeys } from '#db/queries/snapshot-column.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { ChangeKeyOutcome } from '#workers/services/keys/change.ts'
import type { CreateKeyOutcome } from '#workers/services/keys/create.ts'
import type { RotateKeyOutcome } from '#workers/services/keys/rotate.ts'

type Refusal = Extract<ChangeKeyOutcome | CreateKeyOutcome | RotateKeyOutcome, { outcome: 'refused' }>

/** A refusal about an API key as the caller is told it. */
export function keyProblem({ reason }: Refusal): Problem {
  switch (reason) {
    case 'organization_unknown':
      return new Problem('not_found', 'There is no such organization.')
    case 'key_unknown':
      return new Problem('not_found', 'There is no such key of this organization that is not revoked.')
    case 'key_expired':
      return new Problem('conflict', 'The key has expired. Give it another expiry first, or create a new one.')
    case 'already_rotated':
      return new Problem('conflict', 'Another key has taken the place of this one already. Rotate that one, or revoke it first.')
    case 'too_many_keys':
      return new Problem('conflict', `The organization has ${maxLiveKeys} living keys, as many as it may have. Revoke one first.`)
  }
}
