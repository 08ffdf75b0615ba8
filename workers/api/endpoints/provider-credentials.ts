import { type ProviderCredentials, providerCredentialOperations } from '#shared/contracts/api/provider-credentials.ts'
import type { ProviderCredential } from '#shared/contracts/provider-credential.ts'
import { Problem } from '#workers/edge/problem.ts'
import { addCredential } from '#workers/services/credentials/add.ts'
import type { CredentialPlatform } from '#workers/services/credentials/credential-platform.ts'
import { credentialProblem } from '#workers/services/credentials/credential-problem.ts'
import { listCredentials } from '#workers/services/credentials/list.ts'
import { removeCredential } from '#workers/services/credentials/remove.ts'
import { replaceCredential } from '#workers/services/credentials/replace.ts'
import { setFallback } from '#workers/services/credentials/set-fallback.ts'
import { testCredential } from '#workers/services/credentials/test.ts'
import type { Platform } from '#workers/services/platform.ts'
import { endpoint } from '../endpoint.ts'
import type { Surroundings } from '../env.ts'

export const providerCredentialEndpoints = [
  endpoint(providerCredentialOperations.list, async ({ surroundings, scope: { organizationId, grant } }) => {
    const listed = found(await listCredentials(surroundings.db, organizationId))
    return { data: grant === 'yes' ? listed.credentials : listed.credentials.map(redacted), fallback: listed.fallback }
  }),
  endpoint(providerCredentialOperations.add, async ({ surroundings, platform, scope, body }) => {
    const outcome = await addCredential(withKeys(platform, surroundings), scope.organizationId, body)
    if (outcome.outcome === 'refused') throw credentialProblem(outcome, body.keyIds)
    return outcome.credential
  }),
  endpoint(providerCredentialOperations.replaceKey, async ({ surroundings, platform, scope, params, body }) => {
    const which = { organizationId: scope.organizationId, credentialId: params.credentialId }
    const outcome = await replaceCredential(withKeys(platform, surroundings), which, body)
    if (outcome.outcome === 'refused') throw credentialProblem(outcome)
    return outcome.answer
  }),
  endpoint(providerCredentialOperations.remove, async ({ platform, scope: { organizationId }, params: { credentialId } }) =>
    found(await removeCredential(platform, { organizationId, credentialId })),
  ),
  endpoint(providerCredentialOperations.test, async ({ surroundings, platform, scope, params }) => {
    const which = { organizationId: scope.organizationId, credentialId: params.credentialId }
    const outcome = await testCredential(withKeys(platform, surroundings), which)
    if (outcome.outcome === 'refused') throw credentialProblem(outcome)
    return outcome.test
  }),
  endpoint(providerCredentialOperations.setFallback, async ({ platform, scope: { organizationId }, body: { fallback } }) =>
    found(await setFallback(platform, organizationId, fallback)),
  ),
]

function withKeys(platform: Platform, { keyRing, targets }: Surroundings): CredentialPlatform {
  return { ...platform, keyRing, targets }
}

function found<Value>(value: Value | null): Value {
  if (value === null) throw new Problem('not_found', 'There is no such provider credential of this organization.')
  return value
}

/** What a developer sees: which credentials there are, and what they may be used for. */
function redacted({ credentialId, provider, name, lastFour, priority, models, status, createdAt }: ProviderCredential): ListedCredential {
  return { credentialId, provider, name, lastFour, priority, models, status, createdAt }
}

type ListedCredential = ProviderCredentials['data'][number]
