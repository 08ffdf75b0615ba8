import { Hono } from 'hono'
import {
  AddedProviderCredential,
  CredentialChangeAnswer,
  CredentialId,
  CredentialTest,
  FallbackAnswer,
  FallbackChange,
  NewProviderCredential,
  NewProviderKey,
  ProviderCredentialList,
} from '#shared/contracts/provider-credential.ts'
import { type Addressed, body, pathId } from '#workers/edge/parse.ts'
import { addCredential } from '#workers/services/credentials/add.ts'
import { credentialProblem } from '#workers/services/credentials/credential-problem.ts'
import { listCredentials } from '#workers/services/credentials/list.ts'
import { removeCredential } from '#workers/services/credentials/remove.ts'
import { replaceCredential } from '#workers/services/credentials/replace.ts'
import { setFallback } from '#workers/services/credentials/set-fallback.ts'
import { testCredential } from '#workers/services/credentials/test.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes } from '../limits.ts'
import { credentialPlatformOf, found, organizationIdOf, platformOf } from '../platform.ts'

/** Keys that a customer has at providers and brings along. No answer ever holds one. */
export const credentialRoutes = new Hono<AdminContext>()
  .get('/', async (c) =>
    c.json(ProviderCredentialList.parse(found(await listCredentials(c.var.surroundings.db, organizationIdOf(c)), 'customer'))),
  )
  .post('/', body(NewProviderCredential, maxBodyBytes), async (c) => {
    const outcome = await addCredential(credentialPlatformOf(c), organizationIdOf(c), c.var.body)
    if (outcome.outcome === 'refused') throw credentialProblem(outcome, c.var.body.keyIds)
    return c.json(AddedProviderCredential.parse(outcome.credential), 201)
  })
  .put('/fallback', body(FallbackChange, maxBodyBytes), async (c) =>
    c.json(FallbackAnswer.parse(found(await setFallback(platformOf(c), organizationIdOf(c), c.var.body.fallback), 'customer'))),
  )
  .put('/:credentialId/key', body(NewProviderKey, maxBodyBytes), async (c) => {
    const outcome = await replaceCredential(credentialPlatformOf(c), credentialOf(c), c.var.body)
    if (outcome.outcome === 'refused') throw credentialProblem(outcome)
    return c.json(CredentialChangeAnswer.parse(outcome.answer))
  })
  .delete('/:credentialId', async (c) =>
    c.json(
      CredentialChangeAnswer.parse(found(await removeCredential(platformOf(c), credentialOf(c)), 'provider credential of this customer')),
    ),
  )
  .post('/:credentialId/test', async (c) => {
    const outcome = await testCredential(credentialPlatformOf(c), credentialOf(c))
    if (outcome.outcome === 'refused') throw credentialProblem(outcome)
    return c.json(CredentialTest.parse(outcome.test))
  })

function credentialOf(c: Addressed): { organizationId: string; credentialId: string } {
  return { organizationId: organizationIdOf(c), credentialId: pathId(c, 'credentialId', CredentialId) }
}
