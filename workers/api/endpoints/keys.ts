import { keyOperations } from '#shared/contracts/api/keys.ts'
import type { CreatedCustomerKey } from '#shared/contracts/customer-key.ts'
import { changeKey } from '#workers/services/keys/change.ts'
import { createKey } from '#workers/services/keys/create.ts'
import { revokeKey } from '#workers/services/keys/revoke.ts'
import { rotateKey } from '#workers/services/keys/rotate.ts'
import type { Scope } from '../caller/caller.ts'
import { endpoint } from '../endpoint.ts'
import type { Surroundings } from '../env.ts'
import { keyProblem } from '../keys/key-problem.ts'
import { creatorOf, listKeys, readKey } from '../keys/list-keys.ts'

export const keyEndpoints = [
  endpoint(keyOperations.list, async ({ surroundings, scope, query }) => listKeys(surroundings.db, scope, query)),
  endpoint(keyOperations.create, async ({ surroundings, platform, scope, body }) => {
    const outcome = await createKey(platform, scope.organizationId, body)
    if (outcome.outcome === 'refused') throw keyProblem(outcome)
    return shown(surroundings, scope, outcome.created)
  }),
  endpoint(keyOperations.read, async ({ surroundings, scope, params }) => readKey(surroundings.db, scope, params.keyId)),
  endpoint(keyOperations.change, async ({ surroundings, platform, scope, params, body }) => {
    const outcome = await changeKey(platform, keyOf(scope, params.keyId), body)
    if (outcome.outcome === 'refused') throw keyProblem(outcome)
    return { ...(await readKey(surroundings.db, scope, params.keyId)), pushed: outcome.answer.pushed }
  }),
  endpoint(keyOperations.rotate, async ({ surroundings, platform, scope, params, body }) => {
    const outcome = await rotateKey(platform, keyOf(scope, params.keyId), body.overlapSeconds)
    if (outcome.outcome === 'refused') throw keyProblem(outcome)
    return { ...(await shown(surroundings, scope, outcome.created)), replacedExpiresAt: new Date(outcome.endsAtMs).toISOString() }
  }),
  endpoint(keyOperations.revoke, async ({ platform, scope, params }) => {
    const answer = await revokeKey(platform, keyOf(scope, params.keyId))
    if (!answer) throw keyProblem({ outcome: 'refused', reason: 'key_unknown' })
    return answer
  }),
]

function keyOf(scope: Scope, keyId: string) {
  return { organizationId: scope.organizationId, keyId, createdBy: creatorOf(scope) }
}

/** A key that was just made, together with itself. */
async function shown({ db }: Surroundings, scope: Scope, { keyId, apiKey, pushed }: CreatedCustomerKey) {
  return { ...(await readKey(db, scope, keyId)), apiKey, pushed }
}
